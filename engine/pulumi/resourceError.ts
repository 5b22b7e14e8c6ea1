import { errorFromText, PlatformError } from '../../system/errors';
import { inputsRefused } from '../apply/inputsRefused';
import { nameOf, typeOf } from '../protocol/registration';

/** Pulumi's words around what a provider's check said, of one property or of the whole resource (sdk/go/common/diag/errors.go). */
const PROPERTY_PROBLEM = /^\S+ resource '[^']*': property (\S+) value .*? has a problem: /s;
const RESOURCE_PROBLEM = /^\S+ resource '[^']*' has a problem: /;

/** Errors of resources, as Pulumi says them while it runs. */
export class ResourceErrors {
  private readonly said = new Map<string, string[]>();

  /** What the CLI printed as an error of this resource; a provider may say the same twice, its last word counts. */
  add(urn: string, text: string): void {
    const known = this.said.get(urn) ?? [];
    this.said.set(urn, isRefusal(text) && known.every(isRefusal) ? [...known, text] : [plain(text)]);
  }

  get urns(): string[] {
    return [...this.said.keys()];
  }

  /** The error as the embedded engine has it: a handler's own with code and remedy, a provider's in its words. */
  of(urn: string): PlatformError | undefined {
    const texts = this.said.get(urn);
    if (texts === undefined) return undefined;
    if (texts.every(isRefusal)) return inputsRefused(urn, texts.map(refusal));
    const text = texts.join('\n');
    return errorFromText(text, { object: urn }) ?? failed(urn, text);
  }
}

const REMEDY = 'The message names the setting or object at fault; mend it and run again.';

/** In words that no handler of ours wrote. */
export function failed(urn: string, text: string): PlatformError {
  return new PlatformError('resource-failed', `${typeOf(urn)} ${nameOf(urn)}: ${text}`, REMEDY, { object: urn });
}

/** As the tree of changes shows it, below the resource. */
export function shownError(error: PlatformError): string {
  const { code, message, remedy, object = '' } = error;
  const own = `${typeOf(object)} ${nameOf(object)}: `;
  return code === 'resource-failed' && message.startsWith(own) ? message.slice(own.length) : `${message}\n${remedy}`;
}

function isRefusal(text: string): boolean {
  return PROPERTY_PROBLEM.test(text) || RESOURCE_PROBLEM.test(text);
}

function refusal(text: string): { property: string; reason: string } {
  const property = PROPERTY_PROBLEM.exec(text);
  if (property !== null) return { property: property[1] ?? '', reason: text.slice(property[0].length).trim() };
  return { property: '', reason: text.replace(RESOURCE_PROBLEM, '').trim() };
}

/** Without the frame Terraform-based providers put around a single error. */
function plain(text: string): string {
  return text.replace(/^1 error occurred:\s*\* /, '').trim();
}
