import type { Series } from './document';
import { describeSeries, formatTime, formatValue, pointsOf } from './format';
import { escapeHtml } from './htmlText';

/** Units of the drawing; the page stretches it, so nothing in it is text. */
const WIDTH = 600;
const HEIGHT = 100;

/** A line over time above zero, with its words and the ends of its axes beside it. */
export function renderPlot(series: Series): string {
  const { caption, kind } = series;
  const points = pointsOf(series);
  const words = `<figcaption><strong>${escapeHtml(caption)}</strong> ${escapeHtml(describeSeries(series))}</figcaption>`;
  const [first, last] = [points[0], points.at(-1)];
  if (first === undefined || last === undefined || points.length < 2) return `<figure>\n${words}\n</figure>`;
  const highest = points.reduce((most, { value }) => Math.max(most, value), 0);
  const [from, to] = [first.at.getTime(), last.at.getTime()];
  const line = points.map(({ at, value }) => {
    const x = ((at.getTime() - from) / (to - from || 1)) * WIDTH;
    const y = HEIGHT - (Math.max(value, 0) / (highest || 1)) * HEIGHT;
    return `${x.toFixed(1)},${y.toFixed(1)}`;
  });
  return `<figure>
${words}
<div class="plot">
<p class="axis values" aria-hidden="true"><span>${formatValue(highest, kind)}</span><span>${formatValue(0, kind)}</span></p>
<svg viewBox="0 0 ${WIDTH} ${HEIGHT}" preserveAspectRatio="none" role="img" aria-label="${escapeHtml(caption)}">
<polygon class="area" points="0,${HEIGHT} ${line.join(' ')} ${WIDTH},${HEIGHT}"/>
<polyline class="line" points="${line.join(' ')}"/>
</svg>
<p class="axis times" aria-hidden="true"><span>${formatTime(first.at).slice(0, 10)}</span><span>${formatTime(last.at).slice(0, 10)}</span></p>
</div>
</figure>`;
}
