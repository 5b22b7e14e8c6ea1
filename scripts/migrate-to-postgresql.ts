import { main } from './cli';

/** The founding document's name for `coachdb transfer`, with the same flags. */
main(['transfer', ...process.argv.slice(2)]);
