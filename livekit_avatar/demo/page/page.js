// Joins the agent's room, shows its face and captions, and sends it what is written or spoken.
import { Room, RoomEvent, Track } from "./livekit-client.mjs";

const CHAT = "lk.chat";
const TRANSCRIPTION = "lk.transcription";
const STATE = "lk.agent.state";
const GONE = "The agent has gone. Start the demo again, then reload.";
const STATES = { initializing: "Waking up", idle: "Listening", listening: "Listening", thinking: "Thinking", speaking: "Speaking" };

const part = (id) => document.getElementById(id);
const room = new Room();
let visit = null;

// Asks the agent for one of the things in visit.methods.
const ask = (what, payload = "") =>
  room.localParticipant.performRpc({
    destinationIdentity: visit.agent, method: visit.methods[what], payload, responseTimeout: 30_000,
  });

async function join() {
  room
    .on(RoomEvent.TrackSubscribed, show)
    .on(RoomEvent.TrackUnsubscribed, hide)
    .on(RoomEvent.ParticipantAttributesChanged, (_, participant) => follow(participant))
    .on(RoomEvent.ParticipantConnected, follow)
    .on(RoomEvent.ParticipantDisconnected, (participant) => participant.identity === visit.agent && lost(GONE))
    .on(RoomEvent.Reconnecting, () => say("lost", "Connecting again"))
    .on(RoomEvent.Reconnected, () => [...room.remoteParticipants.values()].forEach(follow))
    .on(RoomEvent.Disconnected, () => lost(GONE));
  room.registerTextStreamHandler(TRANSCRIPTION, caption);
  try {
    const answer = await fetch("token", { method: "POST" });
    if (!answer.ok) throw new Error(await answer.text());
    visit = await answer.json();
    offer(visit.faces);
    hint();
    await room.connect(visit.url, visit.token);
    say("listening", "Connected");
    room.remoteParticipants.forEach(follow);
    enable(true);
  } catch (error) {
    lost(`No connection: ${error.message}`);
  }
}

function say(state, words) {
  part("status").dataset.state = state;
  part("status").textContent = words;
}

function lost(words) {
  say("lost", words);
  enable(false);
  silence();
}

function enable(on) {
  for (const each of document.querySelectorAll("#form :is(input, button), #ideas button, #faces input")) each.disabled = !on;
  if (on && matchMedia("(hover: hover)").matches) part("text").focus();
}

function follow(participant) {
  const state = participant.attributes?.[STATE];
  if (state) say(state, STATES[state] ?? state);
  const worn = participant.attributes?.[visit.worn];
  if (worn) wears(worn);
}

function offer(faces) {
  if (faces.length < 2) return;
  for (const [number, face] of faces.entries()) {
    const input = Object.assign(document.createElement("input"), { type: "radio", name: "face", value: number, disabled: true });
    const picture = Object.assign(document.createElement("img"), { src: face.picture, alt: face.name, title: face.name });
    const label = document.createElement("label");
    label.append(input, picture);
    part("faces").append(label);
  }
  wears("0");
  part("faces").hidden = false;
}

// The agent says which face it shows, so that all pages in the room agree.
function wears(number) {
  const input = part("faces").querySelector(`[value="${CSS.escape(number)}"]`);
  if (input) input.checked = true;
}

function show(track) {
  if (track.kind === Track.Kind.Video) {
    track.attach(part("face"));
    count(part("face"), track);
  } else {
    track.attach(part("voice"));
    listen();
  }
}

function hide(track) {
  track.detach();
  if (track.kind === Track.Kind.Video) part("stage").dataset.state = "empty";
}

// A browser plays no sound before the first click, unless this page has been listened to before.
async function listen() {
  try {
    await part("voice").play();
  } catch {
    part("start").hidden = false;
    return;
  }
  part("start").hidden = true;
  await greet();
}

let greeted = false;
async function greet() {
  if (greeted) return;
  greeted = true;
  await ask("greet").catch(console.warn);
}

function fit() {
  const { videoWidth, videoHeight } = part("face");
  if (videoHeight) part("stage").style.setProperty("--ratio", videoWidth / videoHeight);
}

// Shows how many pictures a second are really shown, and how old they are.
function count(video, track) {
  const age = clock(track);
  let shown = 0;
  let since = performance.now();
  const frame = async (now) => {
    part("stage").dataset.state = "live";
    shown += 1;
    video.requestVideoFrameCallback(frame);
    if (now - since < 2000) return;
    const rate = Math.round((shown * 1000) / (now - since));
    shown = 0;
    since = now;
    const late = await age();
    const figures = [`${rate} fps`, `${video.videoWidth}×${video.videoHeight}`];
    if (late !== null) figures.push(`${Math.round(late)} ms`);
    part("rate").textContent = figures.join(" · ");
  };
  video.requestVideoFrameCallback?.(frame);
  video.addEventListener("playing", () => (part("stage").dataset.state = "live"), { once: true });
}

// Milliseconds on the way here, as WebRTC measures them since the last call: half the round trip to
// the server and the mean time in the jitter buffer. null: not known.
function clock(track) {
  let before = { jitterBufferDelay: 0, jitterBufferEmittedCount: 0 };
  return async () => {
    const report = [...((await track.getRTCStatsReport())?.values() ?? [])];
    const video = report.find((each) => each.type === "inbound-rtp" && each.kind === "video");
    const pair = report.find((each) => each.type === "candidate-pair" && each.nominated && each.currentRoundTripTime !== undefined);
    const emitted = video ? video.jitterBufferEmittedCount - before.jitterBufferEmittedCount : 0;
    if (!pair || !(emitted > 0)) return null;
    const buffered = (video.jitterBufferDelay - before.jitterBufferDelay) / emitted;
    before = video;
    return 1000 * (pair.currentRoundTripTime / 2 + buffered);
  };
}

// One stream is one thing said; its pieces come as they are spoken.
let speaking = null;
async function caption(reader, sender) {
  if (sender.identity !== visit.agent) return;
  const mine = (speaking = reader);
  let words = "";
  for await (const piece of reader) {
    words += piece;
    if (speaking === mine) part("caption").textContent = words;
  }
}

function asked(words) {
  part("asked").textContent = words;
  part("caption").textContent = "";
  speaking = null;
}

async function write(text) {
  const words = text.trim();
  if (!words) return;
  asked(words);
  await room.localParticipant.sendText(words, { topic: CHAT });
}

// The microphone is open only while the button is on: off, starting, on, ending, off.
const HELD = 500;
const LONGEST = 20_000;
const TAIL = 600;
const button = part("speak");
let began = 0;
let longest = 0;

function turn(state) {
  button.dataset.state = state;
  button.ariaPressed = String(state === "starting" || state === "on");
}

function hint(words = visit.hint, state = "off") {
  part("hint").textContent = words;
  part("hint").dataset.state = state;
}

async function begin() {
  turn("starting");
  hint("Opening the microphone");
  asked("");
  try {
    const publication = await room.localParticipant.setMicrophoneEnabled(true);
    await ask("listen", publication.trackSid);
  } catch (error) {
    await silence();
    hint(refusal(error));
    return;
  }
  if (button.dataset.state !== "starting") return; // the agent has gone meanwhile
  began = performance.now();
  longest = setTimeout(end, LONGEST);
  turn("on");
  hint("Recording. Let go, or press again, when you have spoken.", "on");
}

async function end() {
  clearTimeout(longest);
  turn("ending");
  hint();
  // The last word is still on its way when the button is let go.
  const answer = ask("reply").then(
    (words) => asked(words || "You, in your own voice"),
    () => hint("It did not get that. Press the button again."),
  );
  await Promise.race([answer, new Promise((done) => setTimeout(done, TAIL))]);
  await silence();
}

// Closes the microphone, so that the browser does not show it as used.
async function silence() {
  clearTimeout(longest);
  const track = room.localParticipant.getTrackPublication(Track.Source.Microphone)?.track;
  if (track) await room.localParticipant.unpublishTrack(track, true).catch(console.warn);
  turn("off");
}

function refusal(error) {
  if (error.name === "NotAllowedError") return "The browser keeps the microphone closed. Allow it for this page, then press again.";
  if (error.name === "NotFoundError") return "This machine has no microphone.";
  return `The microphone does not work: ${error.message}`;
}

function press() {
  if (button.dataset.state === "off") begin();
  else if (button.dataset.state === "on") end();
}

// Who held the button ends by letting go; who tapped it, or was asked for permission, presses again.
function release() {
  if (button.dataset.state === "on" && performance.now() - began >= HELD) end();
}

button.addEventListener("pointerdown", (event) => {
  if (event.button !== 0 || button.disabled) return;
  button.setPointerCapture(event.pointerId);
  press();
});
button.addEventListener("pointerup", release);
button.addEventListener("pointercancel", release);
button.addEventListener("contextmenu", (event) => event.preventDefault());
for (const [kind, action] of [["keydown", press], ["keyup", release]]) {
  button.addEventListener(kind, (event) => {
    if (event.key !== " " && event.key !== "Enter") return;
    event.preventDefault();
    if (!event.repeat) action();
  });
}
// Assistive technology clicks without a pointer or a key.
button.addEventListener("click", (event) => event.detail === 0 && press());

part("faces").addEventListener("change", (event) => {
  ask("wear", event.target.value).catch(() => hint("It could not change its face."));
});
part("face").addEventListener("resize", fit);
part("form").addEventListener("submit", (event) => {
  event.preventDefault();
  write(part("text").value);
  part("text").value = "";
});
part("ideas").addEventListener("click", (event) => {
  if (event.target.matches("button")) write(event.target.textContent);
});
part("start").addEventListener("click", async () => {
  await room.startAudio();
  await listen();
});

await join();
