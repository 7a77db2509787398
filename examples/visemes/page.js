// Joins the room, plays the voice, and shows each mouth when its sound is heard.
import { Room, RoomEvent, Track } from "./livekit-client.mjs";
import { SHAPES, VISEMES, pose } from "./mouth.js";

const TOPIC = "livekit_avatar.visemes";
const FADE_MS = 200; // without news for so long the mouth comes to rest
const REST = { shapes: SHAPES.map(() => 0), visemes: VISEMES.map((name) => Number(name === "sil")) };

const part = (id) => document.getElementById(id);
const room = new Room();
const coming = []; // mouths and when they are due, in ms of performance.now()
let shown = REST;
let latest = 0;
let voice = null;
let heldBack = 0; // ms that the browser's jitter buffer holds sound back

for (const name of VISEMES) {
  part("visemes").append(Object.assign(document.createElement("dt"), { textContent: name }), document.createElement("dd"));
}
const bars = [...part("visemes").querySelectorAll("dd")];

room
  .on(RoomEvent.TrackSubscribed, (track) => {
    if (track.kind === Track.Kind.Video) return track.attach(part("video"));
    voice = track;
    track.attach();
  })
  .on(RoomEvent.DataReceived, (data, _participant, _kind, topic) => {
    if (topic === TOPIC) coming.push({ mouth: JSON.parse(new TextDecoder().decode(data)), due: performance.now() + heldBack });
  })
  .on(RoomEvent.Disconnected, () => (part("status").textContent = "The agent has gone."));

// Data arrives at once; sound waits in the jitter buffer. So mouths wait as long.
let before = { delay: 0, count: 0 };
setInterval(async () => {
  for (const report of (await voice?.getRTCStatsReport())?.values() ?? []) {
    if (report.type !== "inbound-rtp" || !report.jitterBufferEmittedCount) continue;
    const now = { delay: report.jitterBufferDelay, count: report.jitterBufferEmittedCount };
    if (now.count > before.count) heldBack = (1000 * (now.delay - before.delay)) / (now.count - before.count);
    before = now;
  }
}, 500);

function draw(now) {
  while (coming.length && coming[0].due <= now) {
    shown = coming.shift().mouth;
    latest = now;
  }
  if (now - latest > FADE_MS) shown = REST;
  pose(shown.shapes);
  part("face").dataset.utterance = shown.utterance ?? "";
  bars.forEach((bar, index) => (bar.style.transform = `scaleX(${shown.visemes[index]})`));
  requestAnimationFrame(draw);
}

part("form").addEventListener("submit", async (event) => {
  event.preventDefault();
  await room.startAudio();
  await room.localParticipant.sendText(`repeat after me: ${part("text").value}`, { topic: "lk.chat" });
});

const { url, token } = await (await fetch("token", { method: "POST" })).json();
await room.connect(url, token);
part("status").textContent = "Connected";
document.querySelector("button").disabled = false;
requestAnimationFrame(draw);
