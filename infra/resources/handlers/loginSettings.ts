import { applyLoginSettings, loginSettingSteps } from '../../../postgres/roles/loginSettings';
import type { LoginSettingsSpec } from '../../../postgres/spec';
import { plannedHandler } from './planned';

/** That sessions find nothing set which nobody declared. */
export const loginSettings = plannedHandler<LoginSettingsSpec>({
  what: 'login-settings',
  steps: loginSettingSteps,
  apply: applyLoginSettings,
});
