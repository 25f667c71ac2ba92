#include <filesystem>
#include <memory>
#include <string>

#include <fmt/format.h>

#include "commands/command.hpp"
#include "report/report.hpp"

namespace fs = std::filesystem;

namespace {

struct ReportOptions {
    std::string run;
    std::string output;
};

auto report(const ReportOptions& o) -> void {
    auto path = fs::path(o.output);
    if (o.output.empty()) {
        path = write_report(fs::path(o.run));
    } else {
        write_report(o.run, path);
    }
    fmt::print("report in {}\n", path.lexically_normal().string());
}

}  // namespace

auto add_report_command(CLI::App& app) -> Command {
    const auto o = std::make_shared<ReportOptions>();
    auto* const command =
        app.add_subcommand("report", "Write a page about a run: curves, samples, filters, how far to trust the likelihood");
    command->add_option("run", o->run, "Folder of the run")->required()->type_name("FOLDER");
    command->add_option("--output", o->output, "Another file than FOLDER/report.html")->type_name("FILE")->take_last();
    return {command, [o] { report(*o); }};
}
