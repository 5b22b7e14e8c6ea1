import { createHash, randomUUID } from 'node:crypto';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { crc32 } from 'node:zlib';

/** What an error of the service looks like. */
class Refused extends Error {
  constructor(
    readonly status: number,
    readonly code: string,
  ) {
    super(code);
  }
}

interface Stored {
  body: Buffer;
  etag: string;
  metadata: Record<string, string>;
}

interface Begun {
  bucket: string;
  key: string;
  metadata: Record<string, string>;
  parts: Map<number, Buffer>;
  initiated: string;
}

const md5 = (body: Buffer): string => `"${createHash('md5').update(body).digest('hex')}"`;
const escape = (text: string): string => text.replaceAll('&', '&amp;').replaceAll('<', '&lt;');

/**
 * As much of S3 as backups use, over real HTTP, for machines without an emulator: objects, conditions, uploads in parts, checksums of what
 * arrives. It asks for no signature and knows no versions, locks or policies.
 */
export class FakeS3 {
  readonly buckets = new Map<string, Map<string, Stored>>();
  private readonly uploads = new Map<string, Begun>();
  private readonly server = createServer((request, response) => void this.answer(request, response));
  /** Of a list. */
  pageSize = 1000;
  /** False: an endpoint that answers 501 to If-None-Match and If-Match. */
  conditions = true;

  async listen(): Promise<void> {
    await new Promise<void>((resolve) => this.server.listen(0, '127.0.0.1', resolve));
  }

  get endpoint(): string {
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}`;
  }

  stop(): Promise<void> {
    this.server.closeAllConnections();
    return new Promise((resolve) => this.server.close(() => resolve()));
  }

  private async answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    try {
      const chunks: Buffer[] = [];
      for await (const chunk of request) chunks.push(chunk as Buffer);
      this.handle(request, Buffer.concat(chunks), response);
    } catch (error) {
      if (!(error instanceof Refused)) return void response.destroy();
      const body = `<Error><Code>${error.code}</Code><Message>${error.code}</Message></Error>`;
      response.writeHead(error.status, { 'content-type': 'application/xml' });
      response.end(request.method === 'HEAD' ? undefined : body);
    }
  }

  private handle(request: IncomingMessage, body: Buffer, response: ServerResponse): void {
    const { pathname, searchParams: query } = new URL(request.url ?? '/', 'http://fake');
    const [, name = '', ...rest] = decodeURIComponent(pathname).split('/');
    const key = rest.join('/');
    if (name === '') return this.xml(response, '<ListAllMyBucketsResult/>');
    if (request.method === 'PUT' && key === '') {
      this.buckets.set(name, new Map());
      return void response.end();
    }
    const bucket = this.buckets.get(name);
    if (bucket === undefined) throw new Refused(404, 'NoSuchBucket');
    this.check(request, body, bucket.get(key));
    const what = `${request.method} ${key === '' ? 'bucket' : 'object'} ${['uploads', 'uploadId'].find((one) => query.has(one)) ?? ''}`;
    switch (what) {
      case 'GET bucket ':
        return this.list(bucket, query, response);
      case 'GET bucket uploads':
        return this.listUploads(name, query, response);
      case 'POST object uploads':
        return this.begin(name, key, request, response);
      case 'PUT object uploadId':
        this.upload(query).parts.set(Number(query.get('partNumber')), body);
        return void response.setHeader('etag', md5(body)).end();
      case 'POST object uploadId':
        return this.complete(bucket, key, query, body, response);
      case 'DELETE object uploadId':
        this.upload(query);
        this.uploads.delete(query.get('uploadId') ?? '');
        return void response.writeHead(204).end();
      case 'PUT object ':
        bucket.set(key, { body, etag: md5(body), metadata: metadataOf(request) });
        return void response.setHeader('etag', md5(body)).end();
      case 'DELETE object ':
        bucket.delete(key);
        return void response.writeHead(204).end();
      default:
        return this.read(request, bucket.get(key), response);
    }
  }

  private check(request: IncomingMessage, body: Buffer, there: Stored | undefined): void {
    const {
      'if-none-match': none,
      'if-match': match,
      'content-md5': sum,
      'x-amz-checksum-crc32': crc,
    } = request.headers;
    const sha = request.headers['x-amz-content-sha256'];
    if (!this.conditions && request.method !== 'GET' && (none ?? match) !== undefined)
      throw new Refused(501, 'NotImplemented');
    if (none === '*' && there !== undefined) throw new Refused(412, 'PreconditionFailed');
    if (match !== undefined && match !== there?.etag) throw new Refused(412, 'PreconditionFailed');
    if (/^[0-9a-f]{64}$/.test(String(sha)) && sha !== createHash('sha256').update(body).digest('hex'))
      throw new Refused(400, 'XAmzContentSHA256Mismatch');
    if (sum !== undefined && sum !== createHash('md5').update(body).digest('base64'))
      throw new Refused(400, 'BadDigest');
    // Of a completed upload it is the whole object's.
    if (request.method === 'PUT') checkCrc(crc, body);
  }

  private read(request: IncomingMessage, stored: Stored | undefined, response: ServerResponse): void {
    if (stored === undefined) throw new Refused(404, 'NoSuchKey');
    const { etag, metadata } = stored;
    const from = Number(/^bytes=(\d+)-$/.exec(request.headers.range ?? '')?.[1] ?? 0);
    const body = stored.body.subarray(from);
    for (const [name, value] of Object.entries(metadata)) response.setHeader(name, value);
    response.writeHead(from > 0 ? 206 : 200, { etag, 'content-length': body.length });
    response.end(request.method === 'HEAD' ? undefined : body);
  }

  private list(bucket: Map<string, Stored>, query: URLSearchParams, response: ServerResponse): void {
    const after = query.get('continuation-token') ?? '';
    const keys = [...bucket.keys()].filter((key) => key.startsWith(query.get('prefix') ?? '') && key > after).sort();
    const page = keys.slice(0, this.pageSize);
    const more = keys.length > page.length;
    const contents = page.map(
      (key) =>
        `<Contents><Key>${escape(key)}</Key><Size>${bucket.get(key)?.body.length}</Size><LastModified>2026-11-26T00:00:00.000Z</LastModified></Contents>`,
    );
    const next = more ? `<NextContinuationToken>${escape(page.at(-1) ?? '')}</NextContinuationToken>` : '';
    this.xml(
      response,
      `<ListBucketResult><IsTruncated>${more}</IsTruncated>${next}${contents.join('')}</ListBucketResult>`,
    );
  }

  private listUploads(bucket: string, query: URLSearchParams, response: ServerResponse): void {
    const found = [...this.uploads]
      .filter(([, begun]) => begun.bucket === bucket && begun.key.startsWith(query.get('prefix') ?? ''))
      .map(
        ([id, { key, initiated }]) =>
          `<Upload><Key>${escape(key)}</Key><UploadId>${id}</UploadId><Initiated>${initiated}</Initiated></Upload>`,
      );
    this.xml(
      response,
      `<ListMultipartUploadsResult><IsTruncated>false</IsTruncated>${found.join('')}</ListMultipartUploadsResult>`,
    );
  }

  private begin(bucket: string, key: string, request: IncomingMessage, response: ServerResponse): void {
    const id = randomUUID();
    this.uploads.set(id, {
      bucket,
      key,
      metadata: metadataOf(request),
      parts: new Map(),
      initiated: new Date().toISOString(),
    });
    this.xml(response, `<InitiateMultipartUploadResult><UploadId>${id}</UploadId></InitiateMultipartUploadResult>`);
  }

  private complete(
    bucket: Map<string, Stored>,
    key: string,
    query: URLSearchParams,
    body: Buffer,
    response: ServerResponse,
  ): void {
    const { parts, metadata } = this.upload(query);
    const named = [...body.toString().matchAll(/<Part>.*?<\/Part>/gs)].map(([part]) => ({
      number: Number(/<PartNumber>(\d+)</.exec(part)?.[1]),
      etag: /<ETag>(.*?)</.exec(part)?.[1]?.replaceAll('&quot;', '"'),
    }));
    const bodies = named.map(({ number, etag }) => {
      const part = parts.get(number);
      if (part === undefined || md5(part) !== etag) throw new Refused(400, 'InvalidPart');
      return part;
    });
    if (bodies.slice(0, -1).some((part) => part.length < 5 * 1024 * 1024)) throw new Refused(400, 'EntityTooSmall');
    const whole = Buffer.concat(bodies);
    checkCrc(response.req.headers['x-amz-checksum-crc32'], whole);
    bucket.set(key, { body: whole, etag: `"${md5(whole).slice(1, -1)}-${named.length}"`, metadata });
    this.uploads.delete(query.get('uploadId') ?? '');
    this.xml(response, '<CompleteMultipartUploadResult/>');
  }

  private upload(query: URLSearchParams): Begun {
    const begun = this.uploads.get(query.get('uploadId') ?? '');
    if (begun === undefined) throw new Refused(404, 'NoSuchUpload');
    return begun;
  }

  private xml(response: ServerResponse, body: string): void {
    response.writeHead(200, { 'content-type': 'application/xml' }).end(`<?xml version="1.0"?>\n${body}`);
  }
}

function checkCrc(sent: string | string[] | undefined, body: Buffer): void {
  if (typeof sent !== 'string') return;
  if (Buffer.from(sent, 'base64').readUInt32BE() !== crc32(body)) throw new Refused(400, 'BadDigest');
}

const metadataOf = ({ headers }: IncomingMessage): Record<string, string> =>
  Object.fromEntries(
    Object.entries(headers).flatMap(([name, value]) => (name.startsWith('x-amz-meta-') ? [[name, String(value)]] : [])),
  );

export async function startFakeS3(): Promise<FakeS3> {
  const fake = new FakeS3();
  await fake.listen();
  return fake;
}
