import type { Problem } from '../../system/errors';
import type { Parameters } from '../spec';
import { decidedReason } from './decided';
import type { Machine } from './machine';
import { formatSize, fromBase } from './units';
import { type ParameterOptions, type ParsedParameter, parseParameter, showValue } from './value';

/** PostgreSQL's own defaults of the numbers the rules below compare with (the same in every known major). */
const SERVER_DEFAULTS: Record<string, number | string> = {
  max_connections: 100,
  superuser_reserved_connections: 3,
  reserved_connections: 0,
  max_wal_senders: 10,
  wal_level: 'replica',
};

type Read = ReadonlyMap<string, ParsedParameter>;
type Rule = (read: Read, machine: Machine | undefined) => Problem | undefined;

function numberOf(read: Read, name: string): number {
  const value = read.get(name)?.value ?? SERVER_DEFAULTS[name];
  return typeof value === 'number' ? value : 0;
}

const wordOf = (read: Read, name: string): string => String(read.get(name)?.value ?? SERVER_DEFAULTS[name] ?? '');

const conflict = (object: string, message: string, remedy: string): Problem => ({
  code: 'parameter-conflict',
  message,
  remedy,
  object,
});

/** Combinations with which the server would not start, or not for long. */
const rules: Rule[] = [
  (read, machine) => {
    const buffers = read.get('shared_buffers');
    if (buffers === undefined || machine === undefined || typeof buffers.value !== 'number') return undefined;
    if (fromBase(buffers.value, '8kB') <= machine.memoryBytes) return undefined;
    const memory = Math.floor(machine.memoryBytes / 1024 ** 2);
    return {
      code: 'parameter-exceeds-memory',
      message: `Parameter shared_buffers is ${showValue(buffers.text)}, more than the ${memory}MB of memory of ${machine.name ?? 'this machine'}.`,
      // The manual's starting value: a quarter of the memory.
      remedy: `Set shared_buffers to ${Math.max(1, Math.floor(memory / 4))}MB (a quarter of the memory) or less, or use tuning: auto.`,
      object: 'shared_buffers',
    };
  },
  (read) => {
    const reserved = numberOf(read, 'superuser_reserved_connections') + numberOf(read, 'reserved_connections');
    const connections = numberOf(read, 'max_connections');
    if (reserved < connections) return undefined;
    return conflict(
      'max_connections',
      `Parameter max_connections is ${connections}, but ${reserved} connections are reserved (superuser_reserved_connections plus reserved_connections), so none is left.`,
      `Set max_connections to more than ${reserved}, or reserve fewer.`,
    );
  },
  (read) => {
    if (wordOf(read, 'wal_level') !== 'minimal' || numberOf(read, 'max_wal_senders') === 0) return undefined;
    return conflict(
      'wal_level',
      `Parameter wal_level is minimal, with which the server does not start while max_wal_senders is ${numberOf(read, 'max_wal_senders')}.`,
      'Set wal_level to replica (backups and standbys need it), or max_wal_senders to 0.',
    );
  },
  (read) => {
    if (wordOf(read, 'wal_level') !== 'minimal') return undefined;
    const archive = wordOf(read, 'archive_mode');
    const summarize = read.get('summarize_wal')?.value === true;
    if ((archive === '' || archive === 'off') && !summarize) return undefined;
    return conflict(
      'wal_level',
      `Parameter wal_level is minimal, with which ${summarize ? 'summarize_wal' : 'archive_mode'} cannot be on.`,
      'Set wal_level to replica.',
    );
  },
  ...['min_wal_size', 'max_wal_size'].map((name): Rule => (read) => {
    const value = read.get(name)?.value;
    // Twice the segment of 16 MB that initdb makes by default.
    if (typeof value !== 'number' || value >= 32) return undefined;
    return conflict(
      name,
      `Parameter ${name} is ${formatSize(value, 'MB')}; the server needs at least two WAL segments of 16MB.`,
      `Set ${name} to 32MB or more.`,
    );
  }),
  (read) => {
    const limit = read.get('vacuum_buffer_usage_limit')?.value;
    if (typeof limit !== 'number' || limit === 0 || limit >= 128) return undefined;
    return conflict(
      'vacuum_buffer_usage_limit',
      `Parameter vacuum_buffer_usage_limit is ${formatSize(limit, 'kB')}; the server takes 0 or at least 128kB.`,
      'Set it to 0 or to 128kB and more.',
    );
  },
];

/**
 * Every problem of a set of parameters at once: unknown, removed and misspelt names, what the platform decides, values of the wrong type,
 * unit or range, and combinations that keep the server from starting. `machine` and `options.major` make the check stricter where known.
 */
export function validateParameters(
  parameters: Parameters,
  machine?: Machine,
  options: ParameterOptions = {},
): Problem[] {
  const problems: Problem[] = [];
  const read = new Map<string, ParsedParameter>();
  for (const [name, value] of Object.entries(parameters)) {
    const decided = decidedReason(name);
    if (decided !== undefined) {
      const message = `Parameter ${name} is decided by the platform.`;
      problems.push({ code: 'parameter-decided', message, remedy: `Remove it. ${decided}`, object: name });
      continue;
    }
    const { parameter, problem } = parseParameter(name, value, options);
    if (problem !== undefined) {
      problems.push(problem);
      continue;
    }
    if (read.has(parameter.name)) {
      problems.push(
        conflict(
          name,
          `Parameter ${parameter.name} is declared twice; PostgreSQL ignores the case of its name.`,
          `Keep one of them, spelt ${parameter.name}.`,
        ),
      );
      continue;
    }
    read.set(parameter.name, parameter);
  }
  for (const rule of rules) {
    const problem = rule(read, machine);
    if (problem !== undefined) problems.push(problem);
  }
  return problems;
}
