/** A floor under a disk's free space: `5%` of the disk, or `20GB` (powers of 1000, as disks are sold). */
export interface Disk {
  freeBytes: number;
  totalBytes: number;
}

const UNITS: Record<string, number> = { '%': 0, MB: 1e6, GB: 1e9, TB: 1e12 };
const FLOOR = /^(\d{1,6}(?:\.\d{1,3})?) ?(%|MB|GB|TB)$/;

/** Undefined for a text that is no such floor. */
export function floorBytes(floor: string, totalBytes: number): number | undefined {
  const [, amount, unit = ''] = FLOOR.exec(floor) ?? [];
  if (amount === undefined) return undefined;
  if (unit !== '%') return Number(amount) * (UNITS[unit] ?? 0);
  return Number(amount) > 100 ? undefined : (Number(amount) / 100) * totalBytes;
}

/** Whether what the rotation removes anyway has to go before the next backup is made. */
export function isBelowFloor({ freeBytes, totalBytes }: Disk, floor: string): boolean {
  return freeBytes < (floorBytes(floor, totalBytes) ?? 0);
}
