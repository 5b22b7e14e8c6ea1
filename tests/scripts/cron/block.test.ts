import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { blockLines, ownersIn, withBlock } from '../../../scripts/cron/block';
import { PlatformError } from '../../../system/errors';

const OURS = { stack: 'local', root: '/home/ana/coach' };
const LINES = ['# a comment', '0 2 * * * one', '0 3 * * 0 two'];
const BLOCK = ['# BEGIN coachdb local /home/ana/coach', ...LINES, '# END coachdb local /home/ana/coach', ''].join('\n');

function refusalOf(crontab: string): PlatformError {
  try {
    withBlock(crontab, OURS, LINES);
  } catch (error) {
    if (error instanceof PlatformError) return error;
    throw error;
  }
  throw new Error('was not refused');
}

describe('a block of a crontab', () => {
  it('goes to the end, stays where it is when it changes, and leaves nothing when it goes', () => {
    const other = 'MAILTO=ana\r\n\r\n0 1 * * * date +\\%F\t# mine\r\n';
    const installed = withBlock(other, OURS, LINES);
    expect(installed).toBe(other + BLOCK);
    expect(blockLines(installed, OURS)).toEqual(LINES);
    const more = `${installed}5 5 * * * later\n`;
    expect(withBlock(more, OURS, LINES)).toBe(more);
    expect(withBlock(more, OURS, ['new'])).toBe(
      `${other}# BEGIN coachdb local /home/ana/coach\nnew\n# END coachdb local /home/ana/coach\n5 5 * * * later\n`,
    );
    expect(withBlock(more, OURS, [])).toBe(`${other}5 5 * * * later\n`);
  });

  it('is no other stack’s, and no other folder’s, whose name may begin alike', () => {
    const neighbours = [
      { stack: 'dev', root: OURS.root },
      { stack: 'local', root: '/home/ana/coach-2' },
      { stack: 'local', root: '/home/ana' },
      { stack: 'local', root: '/home/ana/año 100%' },
    ];
    const all = neighbours.reduce((text, owner, at) => withBlock(text, owner, [`${at} * * * * x`]), '');
    expect(blockLines(all, OURS)).toBeUndefined();
    const installed = withBlock(all, OURS, LINES);
    expect(ownersIn(installed)).toEqual([...neighbours, OURS]);
    for (const [at, owner] of neighbours.entries()) expect(blockLines(installed, owner)).toEqual([`${at} * * * * x`]);
    expect(withBlock(installed, OURS, [])).toBe(all);
  });

  it('is found where an editor has made all ends CRLF, and written anew', () => {
    const crlf = `a\r\n${BLOCK.replaceAll('\n', '\r\n')}b\r\n`;
    expect(withBlock(crlf, OURS, LINES)).toBe(`a\r\n${BLOCK}b\r\n`);
  });

  it('a last line without its end gets one', () => {
    expect(withBlock('0 1 * * * x', OURS, LINES)).toBe(`0 1 * * * x\n${BLOCK}`);
    expect(withBlock('0 1 * * * x', OURS, [])).toBe('0 1 * * * x');
  });

  it.each([
    ['its end is gone', BLOCK.replace(/# END.*\n/, ''), '1'],
    ['its beginning is gone', `x\n${BLOCK.replace(/# BEGIN.*\n/, '')}`, '5'],
    ['there are two', BLOCK + BLOCK, '1, 5, 6, 10'],
    ['it begins twice', `# BEGIN coachdb local /home/ana/coach\n${BLOCK}`, '1, 2, 6'],
    ['it ends before it begins', BLOCK.split('\n').reverse().join('\n'), '2, 6'],
  ])('where %s, it is refused with the lines and what to do', (_what, crontab, lines) => {
    const refusal = refusalOf(crontab);
    expect(refusal).toMatchObject({ code: 'crontab-block-damaged', kind: 'refused' });
    expect(refusal.message).toMatch(new RegExp(`lines? ${lines},`));
    expect(refusal.remedy).toContain('crontab -e');
  });

  it('never touches a byte of the rest', () => {
    const bytes = fc
      .array(
        fc.constantFrom('\n', '\r\n', '0 1 * * * x', '# BEGIN coachdb', '# END coachdb local', '%', '\xff', ' ', 'ñ'),
        {
          maxLength: 40,
        },
      )
      .map((parts) => Buffer.from(parts.join(''), 'utf8').toString('latin1'));
    fc.assert(
      fc.property(
        bytes,
        bytes,
        fc.array(fc.constantFrom('a', 'b c', 'ñ %'), { minLength: 1, maxLength: 4 }),
        (head, tail, lines) => {
          const before = head === '' || head.endsWith('\n') ? head : `${head}\n`;
          const installed = withBlock(head, OURS, lines);
          expect(installed.startsWith(before)).toBe(true);
          expect(withBlock(installed, OURS, lines)).toBe(installed);
          expect(blockLines(installed + tail, OURS)).toEqual(lines);
          expect(withBlock(installed + tail, OURS, [])).toBe(before + tail);
        },
      ),
      { numRuns: 300 },
    );
  });
});
