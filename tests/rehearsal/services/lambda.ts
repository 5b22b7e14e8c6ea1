import { createHash } from 'node:crypto';

import {
  type CreateFunctionCommandInput,
  type UpdateFunctionConfigurationCommandInput,
  waitUntilFunctionActiveV2,
  waitUntilFunctionUpdatedV2,
} from '@aws-sdk/client-lambda';

import { assetsOf } from '../../../engine/apply/assets';
import type { Clients } from '../clients';
import type { KindContext, Kinds, Properties, ResourceKind } from '../kind';
import { defined, fromApi, request, text, toApi, unlessGone } from '../shapes';
import { zipOf } from '../zip';

const WAIT = { maxWaitTime: 60, minDelay: 1, maxDelay: 2 };

/** Blocks whose names differ from the API's in their case alone. */
const BLOCKS = { ephemeralStorage: 'EphemeralStorage', loggingConfig: 'LoggingConfig', tracingConfig: 'TracingConfig' };

const variablesOf = (inputs: Properties): unknown => ((inputs['environment'] ?? {}) as Properties)['variables'] ?? {};

/** What CreateFunction and UpdateFunctionConfiguration both take. */
function configuration(inputs: Properties): Record<string, unknown> {
  const blocks = Object.entries(BLOCKS).map(([name, theirs]) => [theirs, inputs[name] && toApi(inputs[name])]);
  return {
    ...(Object.fromEntries(blocks) as Record<string, unknown>),
    FunctionName: inputs['name'],
    Description: inputs['description'],
    Environment: { Variables: variablesOf(inputs) },
    Handler: inputs['handler'],
    KMSKeyArn: inputs['kmsKeyArn'],
    MemorySize: inputs['memorySize'],
    Role: inputs['role'],
    Runtime: inputs['runtime'],
    Timeout: inputs['timeout'],
    VpcConfig: inputs['vpcConfig'] && toApi(inputs['vpcConfig']),
  };
}

const codeOf = (inputs: Properties, { folder }: KindContext): Buffer =>
  zipOf(assetsOf((inputs['code'] ?? {}) as Properties, folder));

async function reserve(clients: Clients, name: string, inputs: Properties): Promise<void> {
  const reserved = inputs['reservedConcurrentExecutions'];
  if (typeof reserved === 'number' && reserved >= 0)
    await clients.lambda.putFunctionConcurrency({ FunctionName: name, ReservedConcurrentExecutions: reserved });
}

const FUNCTION: ResourceKind = {
  autoname: 'name',
  tagged: true,
  replaces: ['name', 'packageType'],
  // Of the code an answer has a hash of the zip's own bytes.
  unread: ['code', 'publish', 'skipDestroy'],
  async create(clients, inputs, context) {
    const name = text(inputs, 'name');
    const asked = request<CreateFunctionCommandInput>({
      ...configuration(inputs),
      Architectures: inputs['architectures'],
      Code: { ZipFile: codeOf(inputs, context) },
      Tags: inputs['tags'],
    });
    await clients.lambda.createFunction(asked);
    await waitUntilFunctionActiveV2({ client: clients.lambda, ...WAIT }, { FunctionName: name });
    await reserve(clients, name, inputs);
    return name;
  },
  async read(clients, id) {
    const answer = await unlessGone(clients.lambda.getFunction({ FunctionName: id }), /^ResourceNotFound/);
    const found = answer?.Configuration;
    if (answer === undefined || found === undefined) return undefined;
    const { Environment, VpcConfig } = found;
    return defined({
      architectures: found.Architectures,
      arn: found.FunctionArn,
      codeSha256: found.CodeSha256,
      description: found.Description,
      environment: Environment && { variables: Environment.Variables },
      ephemeralStorage: fromApi(found.EphemeralStorage),
      handler: found.Handler,
      kmsKeyArn: found.KMSKeyArn,
      loggingConfig: fromApi(found.LoggingConfig),
      memorySize: found.MemorySize,
      name: found.FunctionName,
      packageType: found.PackageType,
      reservedConcurrentExecutions: answer.Concurrency?.ReservedConcurrentExecutions,
      role: found.Role,
      runtime: found.Runtime,
      tags: { ...answer.Tags },
      timeout: found.Timeout,
      tracingConfig: fromApi(found.TracingConfig),
      version: found.Version,
      vpcConfig: fromApi(VpcConfig),
    });
  },
  async update(clients, id, inputs, { inputs: olds }, context) {
    const updated = (): Promise<unknown> =>
      waitUntilFunctionUpdatedV2({ client: clients.lambda, ...WAIT }, { FunctionName: id });
    const asked = request<UpdateFunctionConfigurationCommandInput>(configuration(inputs));
    await clients.lambda.updateFunctionConfiguration(asked);
    await updated();
    if (JSON.stringify(inputs['code']) !== JSON.stringify(olds['code'])) {
      await clients.lambda.updateFunctionCode({ FunctionName: id, ZipFile: codeOf(inputs, context) });
      await updated();
    }
    await reserve(clients, id, inputs);
  },
  delete: (clients, id) => clients.lambda.deleteFunction({ FunctionName: id }),
};

/** Invoked when it is made; another input or trigger makes another one (`lifecycleScope` CREATE_ONLY, the default). */
const INVOCATION: ResourceKind = {
  replaces: [],
  async create(clients, inputs) {
    const [name, input] = [text(inputs, 'functionName'), text(inputs, 'input')];
    const { Payload, FunctionError } = await clients.lambda.invoke({ FunctionName: name, Payload: Buffer.from(input) });
    const payload = Buffer.from(Payload ?? []).toString();
    if (FunctionError !== undefined) throw new Error(`Lambda function (${name}) returned error: (${payload})`);
    return {
      id: `${name}_$LATEST_${createHash('md5').update(input).digest('hex')}`,
      once: { result: payload },
    };
  },
  // Nothing of an invocation can be read afterwards.
  read: (_clients, _id, known) => Promise.resolve(known),
  delete: () => Promise.resolve(),
};

interface Statement {
  Sid: string;
  Action: string;
  Principal: { Service?: string; AWS?: string } | string;
  Condition?: Record<string, Record<string, string>>;
}

const PERMISSION: ResourceKind = {
  autoname: 'statementId',
  replaces: [],
  async create(clients, inputs) {
    const optional = (name: string): string | undefined => (name in inputs ? text(inputs, name) : undefined);
    const [id, name] = [text(inputs, 'statementId'), text(inputs, 'function')];
    await clients.lambda.addPermission({
      StatementId: id,
      FunctionName: name,
      Action: text(inputs, 'action'),
      Principal: text(inputs, 'principal'),
      SourceArn: optional('sourceArn'),
      SourceAccount: optional('sourceAccount'),
    });
    return id;
  },
  async read(clients, id, known) {
    const name = text(known, 'function');
    const answer = await unlessGone(clients.lambda.getPolicy({ FunctionName: name }), /^ResourceNotFound/);
    const { Statement } = JSON.parse(answer?.Policy ?? '{"Statement":[]}') as { Statement: Statement[] };
    const found = Statement.find(({ Sid }) => Sid === id);
    if (found === undefined) return undefined;
    const { Principal, Condition } = found;
    return defined({
      action: found.Action,
      function: name,
      principal: typeof Principal === 'string' ? Principal : (Principal.Service ?? Principal.AWS),
      sourceAccount: Condition?.['StringEquals']?.['AWS:SourceAccount'],
      sourceArn: Condition?.['ArnLike']?.['AWS:SourceArn'],
      statementId: found.Sid,
    });
  },
  delete: (clients, id, outputs) =>
    clients.lambda.removePermission({ StatementId: id, FunctionName: text(outputs, 'function') }),
};

export const lambda: Kinds = {
  'aws:lambda/function:Function': FUNCTION,
  'aws:lambda/invocation:Invocation': INVOCATION,
  'aws:lambda/permission:Permission': PERMISSION,
};
