/** The isolated copy of the project that benchmarks use too. */
export { type CliResult, TestProject } from '../../benchmarks/project';
