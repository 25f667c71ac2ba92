#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "floor.hpp"

namespace bench {

/// What is measured: rounds of nbm and of its floor, which do the same share of the whole workload.
struct Workload {
    std::string name;
    std::string what;
    double scale;  // rounds in the whole workload
    double steps;  // of all chains, in the whole workload; for an enumeration its states
    std::function<void()> warm_up;
    std::function<void()> round;
    std::function<std::uint64_t()> loop_bytes;  // allocated in the whole workload's loop; none: what a round allocates
    Floor floor;
};

struct Settings {
    std::size_t rows = 50'000;  // of an epoch
    bool full = false;          // a round of training is a whole epoch, not a tenth of one
    std::string data = {};      // a data set's rows in place of generated ones
};

auto workload_names() -> const std::vector<std::string>&;

/// Throws nbm::InputError for a name that is none of these, and nbm::FileError for data that cannot be read.
auto make_workload(const std::string& name, const Settings& settings) -> Workload;

/// Prints what an estimate by AIS costs per chain, beta and weight, for many numbers of each.
auto print_scaling(const std::vector<std::size_t>& threads, const std::vector<bool>& binary_paths) -> void;

/// Prints the memory that AIS with 100,000 chains takes.
auto print_memory() -> void;

}  // namespace bench
