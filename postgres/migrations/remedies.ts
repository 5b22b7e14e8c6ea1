/** The two ways out of a failed migration, as Prisma's `migrate resolve` has them. */
export function resolveRemedy(name: string): string {
  return (
    `Look at what it left in the database. Undo that and run ${deployCommand('--rolled-back', name)} to have it applied ` +
    `again, or complete it by hand and run ${deployCommand('--applied', name)}.`
  );
}

/** A file that any database has recorded must stay as it is: the others would call it edited. */
export function orRecordIt(name: string, correction: string): string {
  return (
    `${correction} if no database has recorded the migration yet. Otherwise leave the file as it is, do its work by hand and ` +
    `run ${deployCommand('--applied', name)}.`
  );
}

/** Where the database does the rest by a setting, the file runs; where it does not, its work is done by hand. */
export function deniedRemedy(name: string, { remedy }: { remedy: string }): string {
  return orRecordIt(name, `${remedy}. Where the statement still fails then, take it out of the migration`);
}

export function deployCommand(option: '--applied' | '--rolled-back', name: string): string {
  const quoted = /^[\w.@-]+$/.test(name) ? name : `'${name.replaceAll("'", "'\\''")}'`;
  return `\`npm run coachdb -- deploy ${option} ${quoted}\``;
}
