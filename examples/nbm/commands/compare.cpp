#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include <fmt/format.h>

#include "commands/command.hpp"
#include "likelihood_json.hpp"
#include "report/compare.hpp"
#include "report/page.hpp"

import nbm;

namespace fs = std::filesystem;

namespace {

struct CompareOptions {
    std::vector<std::string> runs;
    std::string output = "compare.html";
    bool overwrite = false;
    bool json = false;
};

auto compare(const CompareOptions& o) -> void {
    const auto comparison = compare_runs(o.runs);
    if (fs::is_directory(o.output)) { throw nbm::FileError(o.output, "is a folder; --output needs the name of a file"); }
    if (fs::exists(o.output) && !o.overwrite) {
        throw nbm::FileError(o.output, "exists; choose another --output or add --overwrite");
    }
    write_page(o.output, comparison_page(comparison));
    if (o.json) {
        auto json = to_json(comparison);
        json["output"] = o.output;
        fmt::print("{}\n", text_of(json));
    } else {
        fmt::print("{}page in {}\n", to_text(comparison), o.output);
    }
}

}  // namespace

auto add_compare_command(CLI::App& app) -> Command {
    const auto o = std::make_shared<CompareOptions>();
    auto* const command = app.add_subcommand(
        "compare", "Put runs side by side: settings, likelihoods, curves, samples; which is best, and how surely");
    command->add_option("runs", o->runs, "Folders of the runs, at least two")->required()->type_name("FOLDER");
    command->add_option("--output", o->output, "The page")->type_name("FILE")->capture_default_str()->take_last();
    command->add_flag("--overwrite", o->overwrite, "Replace a page of that name");
    command->add_flag("--json", o->json, "Print one JSON object, for scripts, instead of a table");
    return {command, [o] { compare(*o); }};
}
