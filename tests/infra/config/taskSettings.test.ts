import { describe, expect, it } from 'vitest';

import { parseSettings } from '../../../infra/config/parse';
import type { Settings } from '../../../infra/config/settings';
import { taskSchedules, taskSettings } from '../../../infra/config/taskSettings';

const parsed = (raw: Record<string, unknown>) => parseSettings(raw, 'prod', {});

function settingsOf(raw: Record<string, unknown>): Settings {
  const { settings, problems } = parsed(raw);
  expect(problems).toEqual([]);
  if (settings === undefined) throw new Error('no settings');
  return settings;
}

describe('when prod backs up', () => {
  it('is when the founding document says', () => {
    expect(taskSchedules(settingsOf({}))).toEqual([
      { name: 'daily', expression: 'cron(0 2 * * ? *)' },
      { name: 'weekly', expression: 'cron(0 3 ? * SUN *)' },
    ]);
  });

  it('is never where a time is off, or backups are', () => {
    expect(taskSchedules(settingsOf({ backup: { schedule: { upload: 'off' } } })).map(({ name }) => name)).toEqual([
      'daily',
    ]);
    expect(taskSchedules(settingsOf({ backup: { enabled: false } }))).toEqual([]);
  });
});

describe('what the task is told', () => {
  it('changes with what its commands read, and with nothing else', () => {
    const plain = JSON.stringify(taskSettings(settingsOf({})));
    const others = {
      server: { instanceClass: 'db.r6g.large' },
      parameters: { work_mem: '8MB' },
      backup: { schedule: { backup: '0 4 * * *' }, bucket: { lockDays: 3 } },
    };
    expect(JSON.stringify(taskSettings(settingsOf(others)))).toBe(plain);
    expect(JSON.stringify(taskSettings(settingsOf({ backup: { weekly: 9 } })))).not.toBe(plain);
  });
});

describe('what the task could not do is refused', () => {
  it.each([
    [{ aws: { task: { cpu: '1024', memoryMb: 1024 } } }, 'aws.task.memoryMb'],
    [{ aws: { task: { cpu: '512', memoryMb: 2500 } } }, 'aws.task.memoryMb'],
    [{ aws: { task: { cpu: '8192', memoryMb: 18 * 1024 } } }, 'aws.task.memoryMb'],
    [{ backup: { schedule: { backup: '0 2 1 * 1' } } }, 'backup.schedule.backup'],
    [{ backup: { signingKeyFile: 'key' } }, 'backup.signingKeyFile'],
  ])('%j', (raw, path) => {
    const { problems } = parsed(raw);
    expect(problems.map(({ code, object }) => [code, object])).toEqual([['setting-conflict', `coach:${path}`]]);
  });

  it.each([
    { aws: { task: { cpu: '512', memoryMb: 4096 } } },
    { aws: { task: { cpu: '8192', memoryMb: 20 * 1024 } } },
    { aws: { task: { cpu: '16384', memoryMb: 120 * 1024 } } },
  ])('%j is what Fargate has', (raw) => {
    expect(parsed(raw).problems).toEqual([]);
  });
});
