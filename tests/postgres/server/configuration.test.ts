import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { afterAll, describe, expect, it } from 'vitest';

import {
  changedFiles,
  changedParameters,
  type ConfigurationOptions,
  effectiveParameters,
  parseConfiguration,
  renderConfiguration,
  writeFiles,
} from '../../../postgres/server/configuration';
import { logParameters } from '../../../postgres/server/log';
import { renderConf } from '../../../postgres/tuning/render';
import { cleanUp, folder } from './support';

afterAll(cleanUp);

const account = { name: 'self', uid: process.getuid?.() ?? -1, gid: process.getgid?.() ?? -1, switchUser: false };

function options(parameters: ConfigurationOptions['parameters'] = {}): ConfigurationOptions {
  return { dataDirectory: folder(), logDirectory: '/somewhere/logs', account, port: 6543, parameters };
}

describe('the configuration files', () => {
  it('hold the declared values, and what the platform decides whatever is declared', () => {
    const overridden = { listen_addresses: '*', port: 1, unix_socket_directories: '/tmp', password_encryption: 'md5' };
    const own = options({ work_mem: '8MB', timezone: 'Europe/Zurich', ...overridden });
    expect(effectiveParameters(own)).toEqual({
      work_mem: '8MB',
      timezone: 'Europe/Zurich',
      datestyle: 'iso, mdy',
      lc_messages: 'C',
      lc_monetary: 'C',
      lc_numeric: 'C',
      lc_time: 'C',
      default_text_search_config: 'pg_catalog.english',
      ...logParameters('/somewhere/logs'),
      listen_addresses: '127.0.0.1',
      port: 6543,
      unix_socket_directories: '',
      password_encryption: 'scram-sha-256',
    });
    const files = renderConfiguration(own);
    expect(files['pg_hba.conf']).not.toMatch(/trust|md5|peer|local /);
    expect(files['postgresql.conf']).toContain("work_mem = '8MB'\n");
  });

  it('are read back as they were written, quotes and all', () => {
    const parameters = { archive_command: `cp '%p' "C:\\\\x"`, 'coach.note': "it's # fine", work_mem: '4MB' };
    expect(Object.fromEntries(parseConfiguration(renderConf(parameters)))).toEqual(parameters);
    expect(parseConfiguration('work_mem 3MB # small\n#port = 1\n').get('work_mem')).toBe('3MB');
  });

  it('count as changed by what they mean', () => {
    const own = options({ work_mem: '8MB' });
    const files = renderConfiguration(own);
    expect(changedFiles(own.dataDirectory, files)).toEqual(['postgresql.conf', 'pg_hba.conf']);
    writeFiles(own.dataDirectory, files);
    expect(changedFiles(own.dataDirectory, renderConfiguration(own))).toEqual([]);
    const spelt = { ...own, parameters: { work_mem: '8192kB' } };
    expect(changedFiles(own.dataDirectory, renderConfiguration(spelt))).toEqual([]);
    const other = { ...own, port: 6544, parameters: { maintenance_work_mem: '1GB' } };
    expect(changedParameters(other, renderConfiguration(other))).toEqual(['maintenance_work_mem', 'port', 'work_mem']);
  });

  it('lose what ALTER SYSTEM set over a declared parameter, and nothing else', () => {
    const own = options({ work_mem: '8MB' });
    const auto = join(own.dataDirectory, 'postgresql.auto.conf');
    const lines = [
      '# Do not edit',
      "work_mem = '1GB'",
      "Listen_Addresses = '*'",
      "vacuum_cost_limit = '300'",
      "port = '6543'",
      '',
    ];
    writeFileSync(auto, lines.join('\n'));
    const files = renderConfiguration(own);
    expect(changedParameters(own, files)).toEqual(expect.arrayContaining(['listen_addresses', 'work_mem']));
    const before = writeFiles(own.dataDirectory, files);
    expect(readFileSync(auto, 'utf8')).toBe("# Do not edit\nvacuum_cost_limit = '300'\nport = '6543'\n");
    expect(changedParameters(own, files)).toEqual([]);
    writeFiles(own.dataDirectory, before);
    expect(readFileSync(auto, 'utf8')).toBe(lines.join('\n'));
  });
});
