#include <algorithm>
#include <cstddef>
#include <filesystem>
#include <map>
#include <memory>
#include <string>

#include <fmt/format.h>

#include "commands/command.hpp"
#include "machine_file.hpp"
#include "option_kinds.hpp"
#include "weight_arrays.hpp"

import nbm;

namespace {

struct ConvertOptions : MachineOptions {
    std::string layout = "nbm";
};

constexpr auto data_sets = "nbm data IN --output OUT converts data sets";

auto ending_is_of_data(const std::string& name) -> bool {
    const auto ending = std::filesystem::path(name).extension().string();
    return ending == ".csv" || ending == ".tsv" || ending == ".npy" || ending == ".txt" || ending == ".gz";
}

/// Whether any number needs float64; other programs may mix.
auto needs_doubles(const nbm::DBM<double>& dbm, const std::filesystem::path& path) -> bool {
    const auto is_double = [&](const std::string& part, const char* kind) {
        return nbm::read_hdf5(path, fmt::format("{}/{}_{}", part, part, kind)).type == "<f8";
    };
    for (std::size_t l = 0; l != dbm.layer_count(); ++l) {
        if (is_double(nbm::part_name(l), "b")) { return true; }
    }
    return std::ranges::any_of(dbm.synapses(), [&](const auto& synapse) { return is_double(nbm::part_name(synapse.edge), "W"); });
}

template <class T>
auto write(const nbm::DBM<T>& dbm, const ConvertOptions& o, const std::string& ending) -> void {
    if (ending == ".npz") {
        nbm::write_npz(o.output, arrays_of(dbm, o.layout == "sklearn" ? Layout::sklearn : Layout::nbm));
    } else {
        nbm::save_weights(dbm, o.output);
    }
    fmt::print("a machine {} in float{} in {}\n", dbm.topology().describe(), 8 * sizeof(T), o.output);
}

auto convert_arrays(const ConvertOptions& o, const std::string& ending) -> void {
    const auto arrays = nbm::read_npz(o.file);
    if (arrays.contains("train.data")) { throw nbm::FileError(o.file, fmt::format("holds a data set; {}", data_sets)); }
    const auto single = std::ranges::all_of(arrays, [](const auto& array) { return array.second.type == "<f4"; });
    if (single) {
        write(machine_of<float>(arrays, o.file), o, ending);
    } else {
        write(machine_of<double>(arrays, o.file), o, ending);
    }
}

auto convert_machine(const ConvertOptions& o, const std::string& ending) -> void {
    const auto file = find_machine(o.file);
    const auto dbm = read_machine<double>(file);
    if (needs_doubles(dbm, file.path)) {
        write(dbm, o, ending);
    } else {
        write(read_machine<float>(file), o, ending);
    }
}

auto convert(const ConvertOptions& o) -> void {
    if (ending_is_of_data(o.file)) { throw nbm::FileError(o.file, fmt::format("holds no machine; {}", data_sets)); }
    const auto ending = ending_of(o.output, {".h5", ".hdf5", ".npz"});
    if (o.layout == "sklearn" && ending != ".npz") {
        throw nbm::InputError(fmt::format("--layout sklearn: its names are those of an .npz file; found the ending '{}'", ending));
    }
    check_output_file(o);
    if (std::filesystem::path(o.file).extension() == ".npz" && std::filesystem::exists(o.file)) {
        convert_arrays(o, ending);
    } else {
        convert_machine(o, ending);
    }
}

}  // namespace

auto add_convert_command(CLI::App& app) -> Command {
    const auto o = std::make_shared<ConvertOptions>();
    auto* const command =
        app.add_subcommand("convert", "Turn the weights of a machine from HDF5 into NPZ or back, or take them from a checkpoint");
    command->add_option("in", o->file, "Weights (.h5 or .npz, also of scikit-learn's BernoulliRBM), a checkpoint, or a run folder")
        ->required()
        ->type_name("IN");
    command->add_option("out,--output", o->output, "An .h5 or .npz file")->required()->type_name("OUT");
    add_option(*command, "Output", "--layout", o->layout, one_of({"nbm", "sklearn"}),
               "Names of arrays in an .npz file: as in HDF5 files (h0_b, h0-1_W), or as scikit-learn's BernoulliRBM has them");
    command->add_flag("--overwrite", o->overwrite, "Replace the file when there is one")->group("Output");
    return {command, [o] { convert(*o); }};
}
