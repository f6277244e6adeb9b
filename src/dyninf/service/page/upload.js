// From a file to the service, and its events back.

/**
 * Sends a video to /v1/watch.
 *
 * progress(share) hears how much has been sent, event(name, data) every event as it comes. Resolves behind
 * the last event; rejects with an Error that says what was wrong, or an AbortError once the signal came.
 *
 * XMLHttpRequest, since fetch does not tell how much of a body has been sent.
 */
export function watch(file, { progress, event, signal }) {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    const reader = new Events(event);
    const stop = () => request.abort();
    signal.addEventListener("abort", stop);
    request.upload.onprogress = ({ loaded, total }) => progress(total ? loaded / total : 1);
    request.upload.onload = () => progress(1);
    request.onprogress = () => request.status === 200 && reader.read(request.responseText);
    request.onload = () => {
      if (request.status !== 200) return reject(new Error(reasonOf(request)));
      reader.read(request.responseText);
      return reader.isDone ? resolve() : reject(new Error("The service ended before the video did."));
    };
    request.onerror = () => reject(new Error("The service cannot be reached, or closed the connection."));
    request.onabort = () => reject(new DOMException("stopped", "AbortError"));
    request.onloadend = () => signal.removeEventListener("abort", stop);
    request.open("POST", "v1/watch");
    request.setRequestHeader("Content-Type", "application/octet-stream");
    request.send(file);
  });
}

/** Reads server-sent events from a text that grows. */
class Events {
  constructor(tell) {
    this.tell = tell;
    this.place = 0;
    this.isDone = false;
  }

  read(text) {
    for (let end; (end = text.indexOf("\n\n", this.place)) >= 0; this.place = end + 2) {
      const fields = text.slice(this.place, end).split("\n").map((line) => line.split(/: (.*)/s));
      const { event, data } = Object.fromEntries(fields);
      this.isDone ||= event === "full" || event === "error";
      this.tell(event, JSON.parse(data));
    }
  }
}

function reasonOf(request) {
  try {
    return sentence(JSON.parse(request.responseText).error);
  } catch {
    return `The service answered with status ${request.status}.`;
  }
}

/** With a capital letter and a full stop. */
export const sentence = (text) => `${text[0].toUpperCase()}${text.slice(1)}${/[.!?]$/.test(text) ? "" : "."}`;
