import { openClient } from '../../postgres/connection/client';
import { Issues } from '../../postgres/transfer/load/issues';
import { planTransfer } from '../../postgres/transfer/plan';
import { openSource } from '../../postgres/transfer/source/open';
import { readTarget } from '../../postgres/transfer/target/tables';
import { transfer } from '../../postgres/transfer/transfer';
import { KINDS, type Policies } from '../../postgres/transfer/values/kinds';

/** What one load prints, for the process that measures it. */
export interface LoadFigures {
  rows: number;
  seconds: Record<string, number>;
  /** The most memory this process had, MB. */
  megabytes: number;
  cpuSeconds: number;
}

/** One transfer in a process of its own: `load.js FILE HOST PORT DATABASE USER verify|trust`, the password in PGPASSWORD. */
async function main([file = '', host = '', port = '', database = '', user = '', how = '']: string[]): Promise<void> {
  const password = process.env['PGPASSWORD'] ?? '';
  const client = await openClient({ host, port: Number(port), database, user, password });
  const source = openSource(file);
  const plan = planTransfer(source, await readTarget(client, 'public', 'audit'), {
    tables: [],
    exclude: [],
    casts: {},
    owner: user,
  });
  if (plan.problems.length > 0) throw new Error(plan.problems.map(({ message }) => message).join('\n'));
  const policies = Object.fromEntries(Object.keys(KINDS).map((kind) => [kind, 'fail'])) as Policies;
  const { tables, seconds } = await transfer(
    client,
    source,
    plan,
    { schema: 'public', owner: user, trail: { schema: 'audit', tables: [] } },
    { policies, truncate: false, verify: how === 'verify', issues: new Issues(policies) },
  );
  source.close();
  await client.end();
  const usage = process.resourceUsage();
  const figures: LoadFigures = {
    rows: tables.reduce((sum, { loaded }) => sum + loaded, 0),
    seconds,
    megabytes: usage.maxRSS / 1024,
    cpuSeconds: (usage.userCPUTime + usage.systemCPUTime) / 1e6,
  };
  process.stdout.write(`${JSON.stringify(figures)}\n`);
}

main(process.argv.slice(2)).catch((error: unknown) => {
  process.stderr.write(`${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`);
  process.exitCode = 1;
});
