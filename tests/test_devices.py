"""Where to compute, and with how many threads."""

import pytest
import torch

from colorflow.devices import choose_device, one_thread
from colorflow.errors import ConfigError


def test_devices_that_are_not_there_are_refused():
    assert choose_device("cpu").type == "cpu"
    with pytest.raises(ConfigError, match="expected auto"):
        choose_device("gpu")
    if not torch.cuda.is_available():
        with pytest.raises(ConfigError, match="not available"):
            choose_device("cuda")


def test_a_block_of_one_thread_ends_with_an_error_too():
    before = torch.get_num_threads()
    try:
        torch.set_num_threads(3)
        with pytest.raises(ZeroDivisionError), one_thread(torch.device("cpu")):
            _ = 1 / (torch.get_num_threads() - 1)
        assert torch.get_num_threads() == 3
    finally:
        torch.set_num_threads(before)
