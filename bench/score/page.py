"""The scoreboard as tables: for the terminal, and between the markers of docs/accuracy.md."""

import measure

LONG = "long scenes"
MIN_FRAMES = 3  # VP_MIN_FRAMES: an item gives no fewer
TIERS_TITLE = "### Speeds: the same clips, encoded with key frames at cuts and at even distances"
BEGIN, END = "<!-- score:begin -->", "<!-- score:end -->"


def table(head, rows):
    widths = [max(len(str(r[i])) for r in [head, *rows]) for i in range(len(head))]

    def line(row):
        return "| " + " | ".join(str(v).ljust(w) for v, w in zip(row, widths)) + " |"
    return "\n".join([line(head), "|" + "|".join("-" * (w + 2) for w in widths) + "|",
                      *map(line, rows)])


def percent(part, whole):
    return f"{100 * part / whole:.1f}" if whole else "-"


def _f1(score, categories, tolerance="1 frame"):
    return f"{100 * score.count(categories, tolerance).f1:.1f}"


def _has_boundaries(score, category):
    one = score.scenes[category, "1 frame"]
    return one.right + one.missed > 0


def scenes_by_category(categories, ours, peers):
    head = ["Category", "clips", *(s.name for s in [ours, *peers])]
    rows = []
    for category in categories:
        row = [category, ours.clips[category]]
        for score in [ours, *peers]:
            if _has_boundaries(ours, category):
                row.append(_f1(score, [category]))
            else:
                row.append(f"{percent(score.clean[category], score.clips[category])} % clean")
        rows.append(row)
    return table(head, rows)


def scenes_in_all(categories, gradual, still, ours, peers):
    cuts = [c for c in categories if c not in gradual]
    soft = [c for c in categories if c in gradual]
    calm = [c for c in categories if c in still]
    head = ["", *(s.name for s in [ours, *peers])]
    rows = []
    for tolerance in measure.TOLERANCES:
        for name in ("precision", "recall", "f1"):
            rows.append([f"cuts, ±{tolerance}, {name.replace('f1', 'F1')}",
                         *(f"{100 * getattr(s.count(cuts, tolerance), name):.1f}"
                           for s in [ours, *peers])])
    for name in ("precision", "recall", "f1"):
        rows.append([f"gradual, overlap, {name.replace('f1', 'F1')}",
                     *(f"{100 * getattr(s.count(soft, '1 frame'), name):.1f}"
                       for s in [ours, *peers])])
    rows.append(["clips with no scene change that stay whole, %",
                 *(percent(sum(s.clean[c] for c in calm), sum(s.clips[c] for c in calm))
                   for s in [ours, *peers])])
    rows.append(["frames a minute, one thread", *(f"{s.rate():,.0f}" for s in [ours, *peers])])
    return table(head, rows)


def _all(table_of, categories):
    return [v for c in categories for v in table_of.get(c, [])]


def borders_table(categories, ours, peers):
    head = ["", *(s.name for s in [ours, *peers])]
    found = [_all(s.borders, categories) for s in [ours, *peers]]
    barred = [[b for b in f if b.is_barred] for f in found]
    plain = [[b for b in f if not b.is_barred and not b.is_filled] for f in found]
    rows = [
        ["clips that lose lines of picture", *(sum(b.lost > 0 for b in f) for f in found)],
        ["lines of picture lost, all clips", *(f"{sum(b.lost for b in f):.0f}" for f in found)],
        [f"barred clips ({len(barred[0])}) found to within the margin, nothing lost, %",
         *(percent(sum(b.is_found for b in f), len(f)) for f in barred)],
        ["widest strip of bar left, mean px", *(f"{sum(b.left for b in f) / max(1, len(f)):.1f}"
                                                for f in barred)],
        ["barred clips not cropped at all", *(sum(b.is_missed for b in f) for f in barred)],
        [f"crops of clips without bars ({len(plain[0])})",
         *(sum(b.is_cropped for b in f) for f in plain)],
    ]
    return table(head, rows)


def blurred_table(categories, ours):
    found = _all(ours.blurred, categories)
    filled = [b for b in found if b.is_barred]
    plain = [b for b in found if not b.is_barred]
    rows = [
        [f"clips with blurred sides ({len(filled)}) cut to within the margin in all scenes",
         sum(b.is_found for b in filled)],
        ["not cut in any scene", sum(b.is_missed for b in filled)],
        ["lines of picture lost, all clips", f"{sum(b.lost for b in found):.0f}"],
        [f"crops of clips without bars or blurred sides ({len(plain)})",
         sum(b.is_cropped for b in plain)],
    ]
    return table(["", ours.name], rows)


def borders_by_category(categories, ours, peers):
    head = ["Category", *(s.name for s in [ours, *peers])]
    rows = []
    for category in categories:
        found = [_all(s.borders, [category]) for s in [ours, *peers]]
        if not any(b.is_barred for b in found[0]):
            continue
        rows.append([category, *(f"{sum(b.is_found for b in f)} of {sum(b.is_barred for b in f)}, "
                                 f"{sum(b.lost for b in f):.0f} lost" for f in found)])
    return table(head, rows)


def frames_table(categories, ours, peers):
    """peers: frames at the answers of ffmpeg's filter, as the earlier pipeline kept them."""
    head = ["", ours.name, *(f"frames at {s.name}" for s in peers)]
    found = [_all(s.frames, categories) for s in [ours, *peers]]
    merges = ["scenes said to repeat what they do not", sum(_all(ours.merges, categories)),
              *("-" for _ in peers)]
    rows = [
        ["scenes with a sharp, settled frame, %",
         *(percent(sum(f.covered for f in s), sum(f.scenes for f in s)) for s in found)],
        ["visitors and views in a kept frame, %",
         *(percent(sum(f.seen for f in s), sum(f.visits for f in s)) for s in found)],
        ["repeats without a second frame, %",
         *(percent(sum(f.repeats - f.again for f in s), sum(f.repeats for f in s)) for s in found)],
        merges,
        ["black, white or fade frames kept", *(sum(f.unwanted for f in s) for s in found)],
        ["frames kept", *(sum(f.kept for f in s) for s in found)],
    ]
    return table(head, rows)


def targets(categories, gradual, ours, peers):
    """The rows this program wants to hold, and whether it does."""
    cuts = [c for c in categories if c not in gradual]
    soft = [c for c in categories if c in gradual]
    rows = []

    def row(what, value, wanted, is_met):
        rows.append([what, value, wanted, "holds" if is_met else "DOES NOT"])

    def error(score, of):
        return 1 - score.count(of, "1 frame").f1

    if peers:
        best = min(peers, key=lambda s: error(s, cuts))
        row("cuts: error, of the best peer's", f"{error(ours, cuts) / max(error(best, cuts), 1e-9):.2f}",
            f"<= 0.5 ({best.name})", error(ours, cuts) <= 0.5 * error(best, cuts))
        worse = [c for c in cuts if _has_boundaries(ours, c)
                 and error(ours, [c]) > min(error(s, [c]) for s in peers) + 1e-9]
        row("categories of cuts where a peer errs less", ", ".join(worse) or "none", "none", not worse)
    f1 = ours.count(soft, "1 frame").f1 if soft else 1.0
    row("gradual: F1, overlap", f"{f1:.3f}", ">= 0.85", f1 >= 0.85)
    for words in ("flashes and strobes", "titles", "camera motion"):
        if words in ours.clips:
            clean = ours.clean[words] / ours.clips[words]
            row(f"{words}: clips without a false scene", f"{100 * clean:.0f} %", ">= 95 %", clean >= 0.95)
    borders = _all(ours.borders, categories)
    lost = sum(b.lost for b in borders)
    row("lines of picture lost", f"{lost:.0f}", "0", lost == 0)
    barred = [b for b in borders if b.is_barred]
    found = sum(b.is_found for b in barred) / max(1, len(barred))
    row("bars found to within the margin", f"{100 * found:.1f} %", ">= 97 %", found >= 0.97)
    cropped = sum(b.is_cropped for b in borders if not b.is_barred and not b.is_filled)
    row("crops of clips without bars", cropped, "0", cropped == 0)
    frames = _all(ours.frames, categories)
    merges = sum(_all(ours.merges, categories))
    row("merges of different scenes", merges, "0", merges == 0)
    long = ours.frames.get(LONG, [])
    frames_short = [f for c in categories if c != LONG for f in ours.frames.get(c, [])]
    visits, seen = sum(f.visits for f in frames_short), sum(f.seen for f in frames_short)
    row("visitors without a frame", visits - seen, "0", visits == seen)
    if long:
        views, met = sum(f.visits for f in long), sum(f.seen for f in long)
        row(f"long scenes: views and people ({views}) without a frame", views - met, "0", views == met)
        each = sum(f.kept for f in long if f.visits) / max(1, views)
        row("long scenes: frames for each of them", f"{each:.2f}", "<= 2", each <= 2)
        still = max((f.kept for f in long if not f.visits), default=0)
        row("long scenes in which nothing happens: frames, at most", still,
            f"<= {MIN_FRAMES} (VP_MIN_FRAMES)", still <= MIN_FRAMES)
    repeats = sum(f.repeats for f in frames)
    removed = (repeats - sum(f.again for f in frames)) / max(1, repeats)
    row("repeats and re-encodes removed", f"{100 * removed:.1f} %", ">= 95 %", removed >= 0.95)
    unwanted = sum(f.unwanted for f in frames)
    row("black, white, fade frames kept", unwanted, "0", unwanted == 0)
    scenes, covered = sum(f.scenes for f in frames), sum(f.covered for f in frames)
    row("scenes without a sharp, settled frame", scenes - covered, "0", scenes == covered)
    return table(["What", "Measured", "Wanted", ""], rows)


def text(categories, gradual, still, ours, scene_peers, border_peers):
    parts = [
        ("Wanted", targets(categories, gradual, ours, scene_peers)),
        ("Scenes, in all", scenes_in_all(categories, gradual, still, ours, scene_peers)),
        ("Scenes, by category: F1 at ±1 frame, or clips without a false scene",
         scenes_by_category(categories, ours, scene_peers)),
        ("Borders, in all", borders_table(categories, ours, border_peers)),
        ("Borders, by category: clips found, lines of picture lost",
         borders_by_category(categories, ours, border_peers)),
        ("Borders, with `VP_CROP_BLURRED=1`", blurred_table(categories, ours)),
        ("Kept frames", frames_table(categories, ours, scene_peers[:1])),
    ]
    return "\n\n".join(f"### {title}\n\n{body}" for title, body in parts)


def picture(categories, gradual, ours, peers):
    """Three groups of bars, one a program: what each finds of cuts and of gradual transitions, and how
    many clips without a scene change it leaves whole."""
    cuts = [c for c in categories if c not in gradual]
    soft = [c for c in categories if c in gradual]
    calm = [c for c in categories if not _has_boundaries(ours, c)]
    groups = [
        ("cuts, F1 at ±1 frame", lambda s: s.count(cuts, "1 frame").f1),
        ("dissolves, fades, wipes: F1", lambda s: s.count(soft, "1 frame").f1),
        ("clips without a change left whole", lambda s: sum(s.clean[c] for c in calm)
         / max(1, sum(s.clips[c] for c in calm))),
    ]
    parts, y = [], 10
    for title, value in groups:
        parts.append(f'<text x="10" y="{y + 14}" font-weight="bold">{title}</text>')
        y += 22
        for score in [ours, *peers]:
            share = value(score)
            colour = "#2a6fb0" if score is ours else "#b8bec6"
            parts.append(f'<text x="180" y="{y + 13}" text-anchor="end">{score.name}</text>'
                         f'<rect x="190" y="{y + 2}" width="{360 * share:.1f}" height="14" '
                         f'fill="{colour}"/><text x="{196 + 360 * share:.1f}" y="{y + 13}">'
                         f'{100 * share:.1f}</text>')
            y += 19
        y += 10
    return (f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 610 {y}" width="610" height="{y}" '
            'font-family="sans-serif" font-size="12" fill="#222">\n'
            f'<rect width="610" height="{y}" fill="#fff"/>\n' + "\n".join(parts) + "\n</svg>\n")


def write(path, body, seed, clips, frames):
    old = path.read_text(encoding="utf-8")
    start, end = old.index(BEGIN), old.index(END)
    head = (f"{BEGIN}\nMade by `make score`: seed {seed}, {clips} clips, {frames:,} frames.\n\n")
    path.write_text(old[:start] + head + body + "\n" + old[end:], encoding="utf-8")
