import type { CheckResult, DiffResult, Properties, ResourceProvider } from '../../../engine/apply/provider';

/** A provider over a map: `things` is the outside world, so that tests can change it behind the engine's back. */
export class MemoryProvider implements ResourceProvider {
  readonly things = new Map<string, Properties>();
  readonly calls: string[] = [];
  failOn: string | undefined;
  /** What stands where the next thing would be made. */
  taken: { note: string; inputs: Properties } | undefined;
  private next = 1;

  check(_type: string, _olds: Properties | undefined, news: Properties): Promise<CheckResult> {
    const failures = news['bad'] === undefined ? [] : [{ property: 'bad', reason: 'expected good' }];
    return Promise.resolve({ inputs: news, failures });
  }

  diff(_type: string, _id: string, olds: Properties, _oldInputs: Properties, news: Properties): Promise<DiffResult> {
    const changed = Object.keys(news).filter((key) => JSON.stringify(news[key]) !== JSON.stringify(olds[key]));
    const replaces = changed.filter((key) => key === 'fixed' || key === 'place');
    // Two things in one place cannot be.
    return Promise.resolve({ changed, replaces, ...(replaces.includes('place') ? { deleteBeforeReplace: true } : {}) });
  }

  adopts(): Promise<{ note: string; inputs: Properties } | undefined> {
    return Promise.resolve(this.taken);
  }

  create(_type: string, inputs: Properties): Promise<{ id: string; outputs: Properties }> {
    this.record('create', inputs);
    const id = `thing-${this.next++}`;
    this.things.set(id, { ...inputs, made: id });
    return Promise.resolve({ id, outputs: { ...inputs, made: id } });
  }

  read(_type: string, id: string): Promise<{ id: string; outputs: Properties } | undefined> {
    const outputs = this.things.get(id);
    return Promise.resolve(outputs === undefined ? undefined : { id, outputs });
  }

  update(
    _type: string,
    id: string,
    olds: Properties,
    _oldInputs: Properties,
    news: Properties,
  ): Promise<{ outputs: Properties }> {
    this.record('update', news);
    const outputs = { ...olds, ...news };
    this.things.set(id, outputs);
    return Promise.resolve({ outputs });
  }

  delete(_type: string, id: string, outputs: Properties): Promise<void> {
    this.record('delete', outputs);
    this.things.delete(id);
    return Promise.resolve();
  }

  close(): Promise<void> {
    return Promise.resolve();
  }

  private record(what: string, properties: Properties): void {
    const { name: named } = properties;
    const name = `${what} ${typeof named === 'string' ? named : ''}`;
    if (this.failOn === name) throw new Error(`${name} failed on purpose`);
    this.calls.push(name);
  }
}
