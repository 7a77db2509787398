// Draws a video whose left half is colour and whose right half is opacity as one transparent picture.

const VERTEX = `
attribute vec2 corner;
varying vec2 place;
void main() {
  place = vec2(corner.x, 1.0 - corner.y);
  gl_Position = vec4(corner * 2.0 - 1.0, 0.0, 1.0);
}`;

// The half pixel keeps one half's edge out of the other. Compression leaves black and white a little grey, so
// what is nearly clear is clear, and what is nearly opaque is opaque. The canvas wants colour times opacity.
const FRAGMENT = `
precision mediump float;
uniform sampler2D frame;
uniform float half_pixel;
varying vec2 place;
void main() {
  float x = clamp(place.x * 0.5, half_pixel, 0.5 - half_pixel);
  vec3 colour = texture2D(frame, vec2(x, place.y)).rgb;
  float opacity = texture2D(frame, vec2(x + 0.5, place.y)).g;
  opacity = clamp((opacity - 0.04) / 0.92, 0.0, 1.0);
  gl_FragColor = vec4(colour * opacity, opacity);
}`;

export function join(video, canvas) {
  const gl = canvas.getContext("webgl", { premultipliedAlpha: true, preserveDrawingBuffer: true });
  const program = linked(gl);
  gl.useProgram(program);
  gl.bindBuffer(gl.ARRAY_BUFFER, gl.createBuffer());
  gl.bufferData(gl.ARRAY_BUFFER, new Float32Array([0, 0, 1, 0, 0, 1, 1, 1]), gl.STATIC_DRAW);
  const corner = gl.getAttribLocation(program, "corner");
  gl.enableVertexAttribArray(corner);
  gl.vertexAttribPointer(corner, 2, gl.FLOAT, false, 0, 0);
  gl.bindTexture(gl.TEXTURE_2D, gl.createTexture());
  for (const [name, value] of [
    [gl.TEXTURE_WRAP_S, gl.CLAMP_TO_EDGE], [gl.TEXTURE_WRAP_T, gl.CLAMP_TO_EDGE],
    [gl.TEXTURE_MIN_FILTER, gl.LINEAR], [gl.TEXTURE_MAG_FILTER, gl.LINEAR],
  ]) gl.texParameteri(gl.TEXTURE_2D, name, value);
  const halfPixel = gl.getUniformLocation(program, "half_pixel");

  function draw() {
    const [width, height] = [video.videoWidth / 2, video.videoHeight];
    if (canvas.width !== width || canvas.height !== height) [canvas.width, canvas.height] = [width, height];
    gl.viewport(0, 0, width, height);
    gl.uniform1f(halfPixel, 0.5 / video.videoWidth);
    gl.texImage2D(gl.TEXTURE_2D, 0, gl.RGB, gl.RGB, gl.UNSIGNED_BYTE, video);
    gl.drawArrays(gl.TRIANGLE_STRIP, 0, 4);
    video.requestVideoFrameCallback(draw);
  }
  video.requestVideoFrameCallback(draw);
}

function linked(gl) {
  const program = gl.createProgram();
  for (const [kind, text] of [[gl.VERTEX_SHADER, VERTEX], [gl.FRAGMENT_SHADER, FRAGMENT]]) {
    const shader = gl.createShader(kind);
    gl.shaderSource(shader, text);
    gl.compileShader(shader);
    gl.attachShader(program, shader);
  }
  gl.linkProgram(program);
  if (!gl.getProgramParameter(program, gl.LINK_STATUS)) throw new Error(gl.getProgramInfoLog(program));
  return program;
}
