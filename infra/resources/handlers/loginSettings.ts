import { applyLoginSettings, loginSettingSteps } from '../../../postgres/roles/loginSettings';
import type { LoginSettingsSpec } from '../../../postgres/spec';
import { expected, isText, isTexts, plannedHandler } from './planned';

/** That sessions find nothing set which nobody declared. */
export const loginSettings = plannedHandler<LoginSettingsSpec>({
  what: 'login-settings',
  failures: ({ database, roles }) => [
    ...expected('database', isText(database), 'a name'),
    ...expected('roles', isTexts(roles), 'a list of role names'),
  ],
  spec: ({ database, roles }) => ({ database, roles: [...roles] }),
  steps: loginSettingSteps,
  apply: applyLoginSettings,
});
