// Joins the room, plays the voice, and shows the face without its background.
import { Room, RoomEvent, Track } from "./livekit-client.mjs";
import { join } from "./join.js";

const part = (id) => document.getElementById(id);
const room = new Room();

room
  .on(RoomEvent.TrackSubscribed, (track) => {
    const player = track.attach();
    if (track.kind === Track.Kind.Video) join(player, part("face"));
  })
  .on(RoomEvent.Disconnected, () => (part("status").textContent = "The agent has gone."));

part("form").addEventListener("submit", async (event) => {
  event.preventDefault();
  await room.startAudio();
  await room.localParticipant.sendText(`repeat after me: ${part("text").value}`, { topic: "lk.chat" });
});

const { url, token } = await (await fetch("token", { method: "POST" })).json();
await room.connect(url, token);
part("status").textContent = "Connected";
document.querySelector("button").disabled = false;
