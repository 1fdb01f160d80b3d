/** The theme's colours that the cabinet is painted in, as `#rrggbb`. */
export interface Look {
  low: string;
  high: string;
  body: string;
  ground: string;
  line: string;
  abnormal: string;
  focus: string;
  font: string;
}

export function lookOf(element: Element): Look {
  const style = getComputedStyle(element);
  const colour = (name: string) => style.getPropertyValue(name).trim();
  return {
    low: colour("--surface"),
    high: colour("--estimate"),
    body: colour("--bar"),
    ground: colour("--bg"),
    line: colour("--muted"),
    abnormal: colour("--abnormal-1"),
    focus: colour("--text"),
    font: style.fontFamily,
  };
}
