// Joins the agent's room, shows its face and captions, and sends it what is written.
import { Room, RoomEvent, Track } from "./livekit-client.mjs";

const CHAT = "lk.chat";
const TRANSCRIPTION = "lk.transcription";
const STATE = "lk.agent.state";
const GONE = "The agent has gone. Start the demo again, then reload.";
const STATES = { initializing: "Waking up", idle: "Listening", listening: "Listening", thinking: "Thinking", speaking: "Speaking" };

const part = (id) => document.getElementById(id);
const room = new Room();
let visit = null;

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
}

function enable(on) {
  for (const each of document.querySelectorAll("#form input, #form button, #ideas button")) each.disabled = !on;
  if (on && matchMedia("(hover: hover)").matches) part("text").focus();
}

function follow(participant) {
  const state = participant.attributes?.[STATE];
  if (state) say(state, STATES[state] ?? state);
}

function show(track) {
  if (track.kind === Track.Kind.Video) {
    track.attach(part("face"));
    count(part("face"));
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
  const call = { destinationIdentity: visit.agent, method: visit.greet, payload: "" };
  await room.localParticipant.performRpc(call).catch(console.warn);
}

function fit() {
  const { videoWidth, videoHeight } = part("face");
  if (videoHeight) part("stage").style.setProperty("--ratio", videoWidth / videoHeight);
}

// Shows how many pictures a second are really shown.
function count(video) {
  let shown = 0;
  let since = performance.now();
  const frame = (now) => {
    part("stage").dataset.state = "live";
    shown += 1;
    if (now - since >= 2000) {
      const rate = Math.round((shown * 1000) / (now - since));
      part("rate").textContent = `${rate} fps  ${video.videoWidth}×${video.videoHeight}`;
      shown = 0;
      since = now;
    }
    video.requestVideoFrameCallback(frame);
  };
  video.requestVideoFrameCallback?.(frame);
  video.addEventListener("playing", () => (part("stage").dataset.state = "live"), { once: true });
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

async function write(text) {
  const words = text.trim();
  if (!words) return;
  part("asked").textContent = words;
  part("caption").textContent = "";
  speaking = null;
  await room.localParticipant.sendText(words, { topic: CHAT });
}

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
