/** What is read of Pulumi's engine events (sdk/go/common/apitype/events.go), one JSON object a line of `--json`. */
export interface EngineEvent {
  diagnosticEvent?: DiagnosticEvent;
  resourcePreEvent?: { metadata: StepMetadata; planning?: boolean };
  resOutputsEvent?: { metadata: StepMetadata; planning?: boolean };
  resOpFailedEvent?: { metadata: StepMetadata };
  summaryEvent?: { result?: string; durationSeconds: number; resourceChanges: Record<string, number> };
}

export interface DiagnosticEvent {
  urn?: string;
  message: string;
  /** debug, info, info#err, warning, error. Debug messages show secrets in the clear. */
  severity: string;
  ephemeral?: boolean;
}

export interface StepMetadata {
  op: string;
  urn: string;
  type: string;
  old: StepState | null;
  new: StepState | null;
  /** Properties that force a replacement. */
  keys?: string[] | null;
  /** Properties that changed, at the top level. */
  diffs?: string[] | null;
  /** The same in detail, where the provider can say it. `inputDiff`: between inputs, else between state and inputs. */
  detailedDiff: Record<string, { diffKind: string; inputDiff: boolean }> | null;
}

export interface StepState {
  type: string;
  urn: string;
  custom?: boolean;
  id: string;
  parent: string;
  inputs: Record<string, unknown>;
  outputs: Record<string, unknown>;
}

/** One line of `--json`; undefined for anything else a plugin may have printed. */
export function parseEvent(line: string): EngineEvent | undefined {
  if (!line.startsWith('{')) return undefined;
  try {
    return JSON.parse(line) as EngineEvent;
  } catch {
    return undefined;
  }
}
