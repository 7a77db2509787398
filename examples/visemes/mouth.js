// Draws a mouth from ARKit coefficients. A 3-D avatar does the same with morph targets:
//   for (const name of SHAPES) mesh.morphTargetInfluences[mesh.morphTargetDictionary[name]] = shape[name];

export const SHAPES = [
  "jawOpen", "jawLeft", "jawRight", "mouthClose", "mouthFunnel", "mouthPucker", "mouthStretchLeft", "mouthStretchRight",
  "mouthSmileLeft", "mouthSmileRight", "mouthFrownLeft", "mouthFrownRight", "mouthUpperUpLeft", "mouthUpperUpRight",
  "mouthLowerDownLeft", "mouthLowerDownRight", "mouthPressLeft", "mouthPressRight", "mouthRollLower", "mouthRollUpper",
  "mouthShrugLower", "mouthShrugUpper", "tongueOut",
];
export const VISEMES = ["sil", "PP", "FF", "TH", "DD", "kk", "CH", "SS", "nn", "RR", "aa", "E", "ih", "oh", "ou"];

const part = (id) => document.getElementById(id);
const X = 200, Y = 285, HALF = 62;

// Shows a mouth; `values` are the coefficients in the order of SHAPES.
export function pose(values) {
  const shape = Object.fromEntries(SHAPES.map((name, index) => [name, values[index]]));
  const round = 0.9 * shape.mouthPucker + 0.6 * shape.mouthFunnel;
  const half = HALF * (1 + 0.3 * shape.mouthStretchLeft + 0.15 * shape.mouthSmileLeft - 0.55 * Math.min(round, 1));
  const up = 24 * shape.mouthUpperUpLeft + 16 * shape.mouthFunnel;
  const down = 95 * shape.jawOpen + 30 * shape.mouthLowerDownLeft + 14 * shape.mouthFunnel - 26 * shape.mouthRollLower;
  const thick = 1 - 0.55 * Math.min(shape.mouthPressLeft + shape.mouthRollUpper, 1) + 0.35 * round;
  const corner = Y + 18 * shape.jawOpen - 8 * shape.mouthSmileLeft;
  const top = Y - up, bottom = Math.max(Y + down, top);
  part("opening").setAttribute("d", ring(half * 0.92, corner, top, bottom));
  part("lips").setAttribute("d", ring(half + 6, corner, top - 15 * thick, bottom + 19 * thick));
  part("seam").setAttribute("d", bottom - top < 3 ? `M${X - half} ${corner}Q${X} ${Y + 5} ${X + half} ${corner}` : "");
  part("upper-teeth").setAttribute("y", Y - 16 - 0.5 * up);
  part("lower-teeth").setAttribute("y", Y + 8 + 80 * shape.jawOpen);
  part("tongue").setAttribute("cy", Y + 34 + 75 * shape.jawOpen - 42 * shape.tongueOut);
  part("face").dataset.open = (bottom - top).toFixed(1);
  part("face").dataset.half = half.toFixed(1);
}

function ring(half, corner, top, bottom) {
  const [left, right, bend] = [X - half, X + half, half * 0.55];
  return `M${left} ${corner}C${X - bend} ${top} ${X + bend} ${top} ${right} ${corner}`
    + `C${X + bend} ${bottom + (bottom - corner) / 3} ${X - bend} ${bottom + (bottom - corner) / 3} ${left} ${corner}Z`;
}
