"""`hybrid-tok turns` of token files: the table, JSON and CSV, and what it refuses in one line."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path
from typing import Any

import pytest
from command_line import run
from typer.testing import CliRunner

from hybrid_tok.cli.main import app
from hybrid_tok.core.audio import SourceInfo
from hybrid_tok.errors import HybridTokError
from hybrid_tok.options import written_options
from hybrid_tok.tokenizer import HybridTokenizer
from hybrid_tok.tokens.container import Header, HybridFile, write_file
from hybrid_tok.tokens.stream import Back, Channel, EventItem, HybridStream, Pause, TextItem, Turn, UnitItem

UNITS = (1, 1, 1, 1, 1, 1, 1, 1)


def write(path: Path, channels: tuple[Channel, ...], **options: Any) -> Path:
    """A file of a stream, without a recording: `encode` would take its time."""
    with HybridTokenizer.from_preset("default", **options) as tokenizer:
        codebooks = tokenizer.vocabulary.options.num_codebooks
        timing = tokenizer.options.timing
        stream = HybridStream(_with_units(channels, codebooks), timing, 0 if timing == "locked" else None)
        header = Header(
            preset="default",
            options=written_options(tokenizer.options) | {"num_codebooks": codebooks},
            fingerprint=dict(tokenizer.vocabulary.fingerprint),
            source=SourceInfo(16_000, max(stream.frames, 1) * 320, len(channels)),
            codec_rate=16_000,
        )
        write_file(path, HybridFile(header, tuple(tokenizer.vocabulary.encode(stream))))
    return path


def _with_units(channels: tuple[Channel, ...], codebooks: int) -> tuple[Channel, ...]:
    """With as many units in a frame as the codec has codebooks."""

    def item(one: Any) -> Any:
        frames = tuple(frame[:codebooks] for frame in getattr(one, "units", ()))
        if isinstance(one, EventItem):
            return EventItem(one.label, frames)
        return UnitItem(frames) if isinstance(one, UnitItem) else one

    return tuple(
        Channel(tuple(Turn(turn.speaker, tuple(map(item, turn.items))) for turn in channel.turns))
        for channel in channels
    )


ONE = Channel(
    (
        Turn(0, (TextItem("Where [b]were[/b] you?", 100, language="en"), EventItem("laugh", (UNITS,) * 20))),
        Turn(1, (Back(60), TextItem('At, "home"', 100, language="en"))),
        Turn(0, (Pause(10), TextItem("I see", 90, language="en"))),
    )
)
TWO = (ONE, Channel((Turn(0, (Pause(250), TextItem("yeah", 20, language="en"))),)))


@pytest.fixture(scope="module")
def tokens(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write(tmp_path_factory.mktemp("tokens") / "call.hyt", (ONE,))


def printed(*arguments: str | Path) -> str:
    """What the command prints, run in this process."""
    result = CliRunner().invoke(app, ["turns", *map(str, arguments)])
    assert result.exit_code == 0, result.output
    return result.stdout


def words_of(text: str) -> list[list[str]]:
    return [line.split() for line in text.splitlines()]


def refused(arguments: list[str | Path], *parts: str) -> None:
    error = CliRunner().invoke(app, ["turns", *map(str, arguments)]).exception
    assert isinstance(error, HybridTokError) and "\n" not in str(error)
    assert all(part in str(error) for part in parts), error


def test_the_tables(tokens: Path) -> None:
    shown = run("turns", tokens)
    assert shown.returncode == 0 and not shown.stderr, shown.stderr.decode()
    lines = words_of(shown.stdout.decode())
    assert ["0.00", "2.00", "turn", "speaker", "0", "Where", "[b]were[/b]"] in [line[:7] for line in lines]
    assert ["1.20", "2.00", "interruption", "speaker", "1", "speaker", "0", "At,", '"home"'] in lines
    assert ["2.00", "2.40", "event", "speaker", "0", "laugh"] in lines
    assert ["speaker", "0", "3.80", "66%", "2", "1.90", "5", "79", "0", "0", "1"] in lines
    assert ["interruption", "1", "0.80", "0.80"] in lines and ["pause", "0", "0.00", "-"] in lines
    assert shown.stdout.decode().endswith(
        "5.20 s: one talks 81%, nobody 4%, several 15%\n"
        "2 turn changes, 23.1 a minute; median offset -0.30 s (below 0: overlap)\n"
    )


def test_channels_are_named_where_there_are_several(tmp_path: Path) -> None:
    lines = words_of(printed(write(tmp_path / "two.hyt", TWO)))
    names = ["ch", "1", "spk", "0"]
    assert ["5.00", "5.40", "back-channel", *names, "ch", "0", "spk", "0", "yeah"] in lines
    assert [*names, "0.40", "6%", "0"] in [line[:7] for line in lines]


def test_json(tokens: Path) -> None:
    data = json.loads(printed(tokens, "--json"))
    assert (data["version"], data["seconds"], data["turn_changes"]) == (1, 5.2, 2)
    assert [one["turns"] for one in data["speakers"]] == [2, 1]
    found = [one for one in data["facts"] if one["kind"] == "interruption"]
    who, whom = {"channel": 0, "speaker": 1}, {"channel": 0, "speaker": 0}
    assert found == [{"kind": "interruption", "start": 1.2, "end": 2.0, "who": who, "whom": whom, "text": 'At, "home"'}]
    piped = run("turns", "-", "--json", stdin=tokens.read_bytes())
    assert json.loads(piped.stdout) == data


def test_csv(tokens: Path) -> None:
    rows = list(csv.DictReader(io.StringIO(printed(tokens, "--csv"), newline="")))
    assert [(row["kind"], row["start"], row["end"], row["speaker"], row["whom_speaker"]) for row in rows] == [
        ("turn", "0.000", "2.000", "0", ""),
        ("turn", "1.200", "3.200", "1", ""),
        ("overlap_between", "1.200", "2.000", "1", "0"),
        ("interruption", "1.200", "2.000", "1", "0"),
        ("event", "2.000", "2.400", "0", ""),
        ("gap", "3.200", "3.400", "0", "1"),
        ("turn", "3.400", "5.200", "0", ""),
    ]
    assert rows[1]["text"] == 'At, "home"'


def test_options_draw_the_lines(tmp_path: Path) -> None:
    texts = (
        TextItem("yeah", 20, language="en"),
        TextItem("well", 50, language="en"),
        TextItem("so", 50, language="en"),
    )
    items = (Pause(30), texts[0], Pause(250), texts[1], Pause(20), texts[2])
    file = write(tmp_path / "call.hyt", (ONE, Channel((Turn(0, items),))))

    def kinds(*options: str) -> set[str]:
        return {one["kind"] for one in json.loads(printed(file, "--json", *options))["facts"]}

    assert kinds() >= {"interruption", "back_channel", "pause"}
    assert "interruption" not in kinds("--max-yield", "0.5")
    assert "interruption" not in kinds("--min-overlap", "0.9")
    assert "back_channel" not in kinds("--max-back-channel", "0.3")
    assert "pause" not in kinds("--min-pause", "0.5")


def test_a_file_of_units_is_one_turn(tmp_path: Path) -> None:
    channels = (Channel((Turn(0, (UnitItem((UNITS,) * 100),)),)),)
    data = json.loads(printed(write(tmp_path / "u.hyt", channels, layout="units"), "--json"))
    assert [(one["kind"], one["start"], one["end"], one["text"]) for one in data["facts"]] == [("turn", 0, 2, "")]
    assert (data["one"], data["median_offset_seconds"], data["speakers"][0]["words_per_minute"]) == (1, None, None)


def test_what_is_refused(tokens: Path, tmp_path: Path) -> None:
    free = write(tmp_path / "free.hyt", (Channel((Turn(0, (TextItem("so"),)),)),), timing="free")
    refused([free], "free.hyt: ", "free timing", "encode with locked timing")
    refused([tokens, "--json", "--csv"], "--json and --csv", "give one of them")
    refused([tokens, "--min-pause", "-1"], "min_pause must be", "-1")
    (tmp_path / "text.hyt").write_text("this is no file of tokens, but text\n" * 4)
    refused([tmp_path / "text.hyt"], "text.hyt: not a .hyt file")


def test_a_damaged_file_is_one_line(tokens: Path, tmp_path: Path) -> None:
    cut = tmp_path / "cut.hyt"
    cut.write_bytes(tokens.read_bytes()[:-5])
    result = run("turns", cut)
    message = result.stderr.decode()
    assert result.returncode == 2 and not result.stdout
    assert message.count("\n") == 1 and "cut.hyt" in message and "cut off or damaged" in message
