/** What parameters are sized for and checked against. */
export interface Machine {
  memoryBytes: number;
  cpus: number;
  /** For messages: `this machine`, `instance class db.t4g.medium`. */
  name?: string;
}

const GIB = 1024 ** 3;

/** vCPUs of the sizes that all families share: large is 2, and `Nxlarge` 4N. */
function cpusOf(size: string): number | undefined {
  if (size === 'large') return 2;
  const times = /^(\d*)xlarge$/.exec(size)?.[1];
  if (times === undefined) return undefined;
  return 4 * (times === '' ? 1 : Number(times));
}

/** GiB of memory for each vCPU by family letter (RDS User Guide, DB instance classes). */
const GIB_PER_CPU: Record<string, number> = { c: 2, m: 4, r: 8, x: 16 };

/** Burstable classes below large have 2 vCPUs and memory of their own. */
const BURSTABLE_GIB: Record<string, number> = { micro: 1, small: 2, medium: 4, large: 8, xlarge: 16, '2xlarge': 32 };

/**
 * Memory and vCPUs of an RDS instance class (`db.r6g.large`, `db.t4g.medium`, `db.x2g.xlarge`), by the rules of its family;
 * undefined for a class the rules do not cover. The operating system and RDS's own processes take part of that memory.
 */
export function machineOfInstanceClass(instanceClass: string): Machine | undefined {
  const match = /^db\.([a-z])(\d+)([a-z]*)\.([a-z0-9]+)$/.exec(instanceClass);
  if (match === null) return undefined;
  const [, family = '', , , size = ''] = match;
  const name = `instance class ${instanceClass}`;
  if (family === 't') {
    const memory = Object.hasOwn(BURSTABLE_GIB, size) ? BURSTABLE_GIB[size] : undefined;
    if (memory === undefined) return undefined;
    return { name, memoryBytes: memory * GIB, cpus: memory < 16 ? 2 : memory / 4 };
  }
  const perCpu = Object.hasOwn(GIB_PER_CPU, family) ? GIB_PER_CPU[family] : undefined;
  const cpus = cpusOf(size);
  if (perCpu === undefined || cpus === undefined) return undefined;
  return { name, memoryBytes: cpus * perCpu * GIB, cpus };
}
