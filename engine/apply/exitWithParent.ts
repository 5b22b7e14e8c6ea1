/**
 * Preloaded into the dynamic-provider process: it ends when its standard input closes, so that an engine killed with
 * SIGKILL leaves no process behind.
 */
process.stdin.on('end', () => process.exit(1));
process.stdin.on('error', () => process.exit(1));
process.stdin.resume();
