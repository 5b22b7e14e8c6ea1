type Stop = () => Promise<void>;

interface Shared<T> {
  users: number;
  started: Promise<{ value: T; stop: Stop }>;
}

/** The vitest projects of a run share the process that sets them up, but no module. */
const shared = ((globalThis as { coachShared?: Map<string, unknown> }).coachShared ??= new Map<string, unknown>());

/** What all projects of a run have in common: started for the first one that asks, stopped when the last one has left. */
export async function oncePerRun<T>(
  name: string,
  start: () => Promise<{ value: T; stop: Stop }>,
): Promise<{ value: T; leave: Stop }> {
  const one = (shared.get(name) ?? { users: 0, started: start() }) as Shared<T>;
  shared.set(name, one);
  one.users += 1;
  const { value, stop } = await one.started;
  return {
    value,
    leave: async () => {
      one.users -= 1;
      if (one.users > 0) return;
      shared.delete(name);
      await stop();
    },
  };
}
