"""Requests in flight, retries, costs and secrets, without any server."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mma_eval.errors import MediaError, ModelError, PrerequisiteError
from mma_eval.media.source import Media, NoAudio, NoVideo
from mma_eval.models.remote.calls import CallError, Calls, Patience, Reply
from mma_eval.models.remote.cost import CostLimitError, Ledger, Prices, Usage
from mma_eval.models.remote.crew import FAILURES_IN_A_ROW, Crew
from mma_eval.models.remote.pace import Pace
from mma_eval.models.remote.secrets import STRUCK_OUT, Secrets, key_from_environment
from mma_eval.types import Answer, Generate, Group, Question, Status

ONE = Usage(input=1)
PATIENCE = Patience(retries=2, first_wait=0.001)


@dataclass
class Echo:
    """A server that answers with the question's text, or does what `meets` does first."""

    name: str = "echo"
    meets: Callable[[str], object] = lambda text: None
    prepared: list[str] = field(default_factory=list)
    released: list[str] = field(default_factory=list)
    answered: list[str] = field(default_factory=list)

    def prepare(self, group: Group) -> str:
        if group.before_media == "damaged":
            raise MediaError("the clip is damaged")
        self.prepared.append(group.before_media)
        return group.before_media

    def ask(self, prepared: str, question: Question, calls: Calls) -> Reply:
        return calls.ask(lambda: self._reply(question), ONE)

    def release(self, prepared: str) -> None:
        self.released.append(prepared)

    def _reply(self, question: Question) -> Reply:
        self.meets(question.after_media)
        self.answered.append(question.id)
        return Reply(Answer(question.id, Status.OK, text=question.after_media), ONE)


def groups(count: int, questions: int = 2) -> Iterator[Group]:
    media = Media(NoVideo(), NoAudio())
    for number in range(count):
        yield Group(
            media,
            str(number),
            tuple(
                Question(f"{number}/{index}", str(number), f"{number}/{index}", Generate())
                for index in range(questions)
            ),
        )


def crew(*services: Echo, ledger: Ledger | None = None, secrets: Secrets | None = None) -> Crew:
    return Crew(
        services,
        ledger or Ledger(Prices()),
        secrets or Secrets(),
        patience=PATIENCE,
        most_in_flight=3,
    )


def test_every_question_is_answered_once_and_every_group_forgotten() -> None:
    echo = Echo()
    answers = list(crew(echo).answer(groups(20)))
    expected = {f"{number}/{index}" for number in range(20) for index in range(2)}
    assert sorted(answer.question_id for answer in answers) == sorted(expected)
    assert all(answer.text == answer.question_id for answer in answers)
    assert sorted(echo.prepared) == sorted(echo.released) == sorted(map(str, range(20)))


def test_no_more_groups_are_pulled_than_can_be_worked_on() -> None:
    pulled: list[int] = []

    def watched() -> Iterator[Group]:
        for number, group in enumerate(groups(50)):
            pulled.append(number)
            yield group

    answers = crew(Echo()).answer(watched())
    next(answers)
    assert len(pulled) <= 3
    del answers


def test_a_damaged_clip_fails_its_own_questions() -> None:
    damaged = Group(Media(NoVideo(), NoAudio()), "damaged", (Question("d", "", "d", Generate()),))
    answers = {
        answer.question_id: answer for answer in crew(Echo()).answer(iter([damaged, *groups(2)]))
    }
    assert answers["d"].status is Status.DECODE_ERROR
    assert sum(answer.status is Status.OK for answer in answers.values()) == 4


def test_a_lost_server_leaves_its_group_to_the_others() -> None:
    def gone(text: str) -> None:
        raise CallError("first cannot be reached", again=True, lost=True)

    first, second = Echo("first", gone), Echo("second")
    answers = list(crew(first, second).answer(groups(10)))
    assert len(answers) == 20
    assert {answer.status for answer in answers} == {Status.OK}
    assert len(second.answered) == 20


def test_when_the_last_server_is_lost_the_rest_fails_with_one_reason() -> None:
    left = threading.Semaphore(7)

    def gone_after_seven(text: str) -> None:
        if not left.acquire(blocking=False):
            raise CallError("the server cannot be reached", again=True, lost=True)

    answers = list(crew(Echo(meets=gone_after_seven)).answer(groups(10)))
    assert len(answers) == 20
    failed = [answer for answer in answers if answer.status is not Status.OK]
    assert len(failed) == 13
    assert {answer.error for answer in failed} == {"not asked: the server cannot be reached"}


def test_a_server_that_never_answers_is_one_error() -> None:
    def gone(text: str) -> None:
        raise CallError("the key was refused", lost=True)

    with pytest.raises(ModelError, match="the key was refused"):
        list(crew(Echo(meets=gone)).answer(groups(10)))


def test_a_server_that_fails_every_question_is_given_up() -> None:
    def broken(text: str) -> None:
        raise CallError("500", again=True)

    echo = Echo(meets=broken)
    answers = list(crew(echo).answer(groups(40)))
    assert len(answers) == 80
    own = [answer for answer in answers if answer.error == "500"]
    assert FAILURES_IN_A_ROW <= len(own) < 80
    rest = {answer.error for answer in answers} - {"500"}
    assert len(rest) == 1


def test_an_error_is_repeated_as_often_as_allowed() -> None:
    tries: list[str] = []

    def broken(text: str) -> None:
        tries.append(text)
        raise CallError("500", again=True)

    (answer,) = crew(Echo(meets=broken)).answer(groups(1, 1))
    assert answer.status is Status.API_ERROR
    assert len(tries) == 1 + PATIENCE.retries


def test_the_pace_grows_by_one_a_round_and_halves_once_a_round() -> None:
    now = [0.0]
    pace = Pace(16, clock=lambda: now[0])
    assert pace.limit == 2
    pace.succeeded()
    pace.succeeded()
    assert 2.8 < pace.limit < 3.1
    for _ in range(200):
        pace.succeeded()
    assert pace.limit == 16
    now[0] = 1.0
    pace.busy(began=0.5)
    pace.busy(began=0.6)
    assert pace.limit == 8, "requests that were under way already say nothing new"
    now[0] = 2.0
    pace.busy(began=1.5)
    assert pace.limit == 4


def test_a_hold_keeps_every_request_back() -> None:
    now, stopped = [0.0], [False]
    pace = Pace(4, stopped=lambda: stopped[0], clock=lambda: now[0])
    pace.busy(began=0.0, hold=10.0)
    entered = threading.Event()

    def enter() -> None:
        with pace.slot():
            entered.set()

    threading.Thread(target=enter, daemon=True).start()
    assert not entered.wait(0.3)
    now[0] = 10.0
    assert entered.wait(5.0)


def test_cost_by_kind_of_token() -> None:
    prices = Prices(input=1.0, output=10.0, cached=0.25, sound=2.0)
    usage = Usage(input=1_000_000, output=100_000, cached=400_000, sound=100_000)
    # 500k fresh at 1, 100k of sound at 2, 400k cached at 0.25, 100k written at 10.
    assert prices.cost(usage) == pytest.approx(0.5 + 0.2 + 0.1 + 1.0)
    assert Prices(input=1.0).cost(usage) is None


def test_a_call_that_could_cost_too_much_is_not_made() -> None:
    ledger = Ledger(Prices(input=1_000_000.0, output=0.0), limit=10.0)
    for _ in range(9):
        ledger.settle(ledger.reserve(Usage(input=1)), Usage(input=1))
    with pytest.raises(CostLimitError, match="max_cost=10") as first:
        ledger.reserve(Usage(input=2))
    with pytest.raises(CostLimitError) as second:
        ledger.reserve(Usage(input=1))
    assert str(first.value) == str(second.value)
    assert ledger.spent == pytest.approx(9.0)


def test_a_call_waits_for_others_that_may_give_back_what_it_needs() -> None:
    ledger = Ledger(Prices(input=1_000_000.0, output=0.0), limit=10.0)
    held = ledger.reserve(Usage(input=8))
    allowed = threading.Event()

    def reserve() -> None:
        ledger.reserve(Usage(input=5))
        allowed.set()

    threading.Thread(target=reserve, daemon=True).start()
    assert not allowed.wait(0.2)
    ledger.settle(held, Usage(input=1))
    assert allowed.wait(5.0)


def test_an_answer_that_never_came_is_paid_for_where_it_may_be_billed() -> None:
    prices = Prices(input=1_000_000.0, output=0.0)
    for billed, spent in ((True, 3.0), (False, 0.0)):
        ledger = Ledger(prices, limit=10.0)
        ledger.settle(ledger.reserve(Usage(input=3)), None, billed=billed)
        assert ledger.spent == spent


def test_the_rest_fails_with_one_reason_when_the_money_is_spent() -> None:
    ledger = Ledger(Prices(input=1_000_000.0, output=0.0), limit=5.5)
    answers = list(crew(Echo(), ledger=ledger).answer(groups(10)))
    assert sum(answer.status is Status.OK for answer in answers) == 5
    assert len({answer.error for answer in answers if answer.error}) == 1
    assert len(answers) == 20


@given(st.text("0123456789/+=", min_size=4), st.text("abc ,", max_size=8))
def test_no_text_keeps_a_key(key: str, around: str) -> None:
    text = f"{around}{key}{around}"
    assert Secrets([key]).struck_from(text) == f"{around}{STRUCK_OUT}{around}"


def test_a_key_is_struck_from_everything_an_answer_holds() -> None:
    key = "sk-12/34+56"

    def telling(text: str) -> None:
        raise ValueError(f"bad header {key!r} in https://host?key=sk-12%2F34%2B56")

    (answer,) = crew(Echo(meets=telling), secrets=Secrets([key])).answer(groups(1, 1))
    assert answer.error == f"ValueError: bad header '{STRUCK_OUT}' in https://host?key={STRUCK_OUT}"
    whole = Answer(key, Status.OK, key, finish_reason=key, model_version=key, notes=(key,))
    struck = Secrets([key]).struck_from_answer(whole)
    assert key not in repr(struck).replace(repr(whole.question_id), "")
    assert key not in repr(Secrets([key]))


@pytest.mark.parametrize("value", ["two words", "kéy-of-mine", "abc"])
def test_what_cannot_be_a_key_is_not_repeated(value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOME_KEY", value)
    with pytest.raises(PrerequisiteError, match="SOME_KEY") as caught:
        key_from_environment(["SOME_KEY"])
    assert value not in str(caught.value)


def test_dropping_the_answers_ends_the_threads() -> None:
    before = threading.active_count()
    answers = crew(Echo()).answer(groups(50))
    next(answers)
    del answers
    for thread in threading.enumerate():
        if thread.name == "mma-eval-remote":
            thread.join(5.0)
    assert threading.active_count() <= before
