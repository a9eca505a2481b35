"""Values of a flag as people list them."""

from __future__ import annotations

import pytest

from command_line.errors import UsageError
from comparison.values import seeds_of, values_of, whole_numbers

LISTS = {
    "names": ("RNN,LSTM", "RNN LSTM"),
    "a range that includes its end": ("5:20:5", "5 10 15 20"),
    "a range that misses its end": ("5:19:5", "5 10 15"),
    "a range of every number": ("2:4", "2 3 4"),
    "a mixture": ("3,10:20:10, 7", "3 10 20 7"),
    "twice the same": ("5,5:10:5,5", "5 10"),
    "a number in other spellings": ("0.01,1e-2,.01,0.010,1E-02,10e-3,0.1", "0.01 0.1"),
    "whole numbers in other spellings": ("010,10,10.0,1e1,-0,0", "010 -0"),
    "truth in other spellings": ("true,True,yes,on,no,false", "true no"),
    "names that begin as numbers do": ("1e,e2,1e2e,1.2.3,01-2", "1e e2 1e2e 1.2.3 01-2"),
    "commas within brackets": ("[0.9,0.99],[0.5,0.9]", "[0.9,0.99] [0.5,0.9]"),
    "a bracket that is never closed": ("a(1.txt,b.txt", "a(1.txt b.txt"),
    "a time, which is no range": ("00:00:10:00", "00:00:10:00"),
    "numbers of a file": ([5, 0.001, 10], "5 0.001 10"),
    "words of a file": ([True, None, "SGD"], "true null SGD"),
    "a range of a file": (["1:2", 7], "1 2 7"),
    "a single number of a file": (5, "5"),
}


@pytest.mark.parametrize("case", LISTS)
def test_a_list_is_understood(case):
    given, expected = LISTS[case]
    assert values_of("--vary", given) == tuple(expected.split())


def test_texts_are_what_they_are():
    given = "1e-2,0.01,5:7,00:00:10,on,true"
    assert values_of("--vary data.corpus", given, are_texts=True) == tuple(given.split(","))


def test_a_text_of_a_file_is_not_parted():
    assert values_of("vary", ["to be, or", "not"]) == ("to be, or", "not")


SEEDS = {"5": (0, 1, 2, 3, 4), "1": (0,), "3,7": (3, 7), "0:2": (0, 1, 2), "4:4": (4,)}


@pytest.mark.parametrize("given", SEEDS)
def test_seeds_are_a_number_of_them_or_a_list(given):
    assert seeds_of("--seeds", given) == SEEDS[given]


def test_seeds_of_a_file():
    assert seeds_of("--seeds", 3) == (0, 1, 2)
    assert seeds_of("--seeds", [3]) == (3,)


WRONG = {
    "empty": (values_of, "", "must be a list such as A,B, got ''"),
    "a part that is empty": (values_of, "1,,2", "must be a list such as A,B, got '1,,2'"),
    "downwards": (whole_numbers, "100:5", "the range 100:5 is empty; START:STOP:STEP goes up"),
    "step 0": (whole_numbers, "5:10:0", "the range 5:10:0 is empty"),
    "too many": (whole_numbers, "0:1000000000", "has more than 10000 values"),
    "a word": (whole_numbers, "5,long", "must be whole numbers such as 5,10,20 or START:STOP:STE"),
    "a fraction": (whole_numbers, "5.5", "got 5.5"),
    "no seed": (seeds_of, "0", "must be from 1 to 10000 seeds, got 0"),
    "a negative seed": (seeds_of, "-1,2", "must be from 0 to 4294967295, got -1"),
    "a seed too large": (seeds_of, "4294967296,2", "got 4294967296"),
}


@pytest.mark.parametrize("case", WRONG)
def test_a_wrong_list_is_told_with_its_flag(case):
    understand, given, message = WRONG[case]
    with pytest.raises(UsageError) as error:
        understand("--x", given)
    assert str(error.value).startswith("--x: ") and message in str(error.value)
