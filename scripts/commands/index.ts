import { audit } from './audit';
import { auditMaintain } from './auditMaintain';
import { auditVerify } from './auditVerify';
import { backup } from './backup';
import { backupList } from './backupList';
import { backupPin, backupUnpin } from './backupPin';
import { backupPrune } from './backupPrune';
import { backupVerify } from './backupVerify';
import { cronCleanLogs, cronInstall, cronList, cronRemove, cronRun } from './cron';
import type { CommandDefinition } from './definition';
import { deploy } from './deploy';
import { destroy } from './destroy';
import { engineInstall } from './engineInstall';
import { env } from './env';
import { generate } from './generate';
import { graph } from './graph';
import { logs } from './logs';
import { policies } from './policies';
import { preview } from './preview';
import { psql } from './psql';
import { pulumi } from './pulumi';
import { refresh } from './refresh';
import { restore } from './restore';
import { start } from './start';
import { stateExport } from './stateExport';
import { status } from './status';
import { restart, stop } from './stop';
import { transfer } from './transfer';
import { up } from './up';

export type { CommandDefinition } from './definition';

/** Every command, in the order --help lists them. */
export const COMMANDS: readonly CommandDefinition[] = [
  start,
  up,
  preview,
  refresh,
  destroy,
  graph,
  policies,
  status,
  stop,
  restart,
  logs,
  env,
  psql,
  deploy,
  generate,
  transfer,
  audit,
  auditVerify,
  auditMaintain,
  backup,
  backupList,
  backupVerify,
  backupPrune,
  backupPin,
  backupUnpin,
  restore,
  cronInstall,
  cronList,
  cronRemove,
  cronRun,
  cronCleanLogs,
  stateExport,
  pulumi,
  engineInstall,
];
