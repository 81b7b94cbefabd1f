from idiolect.lab.dice import Dice


def test_the_same_key_gives_the_same_choices_in_every_process_and_version():
    dice = Dice("problems", "shop", 7)
    drawn = [dice.whole(1, 100) for _ in range(5)], dice.shuffled("abcdef"), dice.pick("xyz")
    assert drawn == ([80, 21, 59, 15, 35], ["b", "e", "c", "a", "f", "d"], "z")


def test_another_part_of_the_key_gives_other_choices():
    first, second = Dice("a", 1), Dice("a", 2)
    assert [first.whole(0, 999) for _ in range(4)] != [second.whole(0, 999) for _ in range(4)]


def test_a_weight_of_zero_is_never_chosen():
    dice = Dice("weights")
    assert {dice.weighted({"never": 0.0, "a": 1.0, "b": 3.0}) for _ in range(300)} == {"a", "b"}


def test_whole_numbers_include_both_ends_and_nothing_else():
    dice = Dice("ends")
    assert {dice.whole(3, 5) for _ in range(200)} == {3, 4, 5}
