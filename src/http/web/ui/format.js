// Values as people read them.

const RELATIVE = new Intl.RelativeTimeFormat("en", { numeric: "auto", style: "short" });
const STEPS = [[60, "second", 1], [3600, "minute", 60], [86400, "hour", 3600], [2592000, "day", 86400],
  [31536000, "month", 2592000], [Infinity, "year", 31536000]];

export function ago(iso, now = Date.now()) {
  const seconds = (Date.parse(iso) - now) / 1000;
  if (!Number.isFinite(seconds)) return "";
  if (Math.abs(seconds) < 5) return "just now";
  const [, unit, size] = STEPS.find(([limit]) => Math.abs(seconds) < limit);
  return RELATIVE.format(Math.round(seconds / size), unit);
}

export function moment(iso) {
  const date = new Date(iso);
  return Number.isNaN(date.getTime()) ? "" : date.toLocaleString();
}

export function clockTime(iso) {
  const date = new Date(iso);
  return Number.isNaN(date.getTime()) ? "" : date.toLocaleTimeString("en-GB");
}

/** Seconds into a video: 12.3 is 0:12.30, 3725 is 1:02:05.00. */
export function position(seconds) {
  const hundredths = Math.round(Number(seconds) * 100);
  if (!Number.isFinite(hundredths)) return "";
  const part = (n) => String(Math.floor(n)).padStart(2, "0");
  const hours = Math.floor(hundredths / 360000);
  const minutes = Math.floor(hundredths / 6000) % 60;
  const tail = `${part((hundredths / 100) % 60)}.${part(hundredths % 100)}`;
  return hours ? `${hours}:${part(minutes)}:${tail}` : `${minutes}:${tail}`;
}

export function count(n, one, many = `${one}s`) {
  return `${Number(n).toLocaleString("en")} ${Number(n) === 1 ? one : many}`;
}

export function shortId(id) {
  return String(id).slice(0, 8);
}

/** One line about what a job holds: the first video's name and how many more. */
export function jobTitle(job) {
  const items = job.items || [];
  const total = job.counts ? job.counts.total : items.length;
  if (!items.length) return count(total, "video");
  const first = `${items[0].platform}/${items[0].code}`;
  return total > 1 ? `${first} and ${(total - 1).toLocaleString("en")} more` : first;
}

export function ended(status) {
  return status === "completed" || status === "failed" || status === "stopped";
}

export function capital(word) {
  const text = String(word || "");
  return text.charAt(0).toUpperCase() + text.slice(1);
}

export function bytes(n) {
  const units = ["B", "KB", "MB", "GB", "TB"];
  let value = Number(n), i = 0;
  while (value >= 1000 && i < units.length - 1) { value /= 1000; i++; }
  return `${value.toFixed(i && value < 100 ? 1 : 0)} ${units[i]}`;
}
