#include <cstddef>
#include <string>

#include <fmt/format.h>

#include "report/gallery.hpp"
#include "report/html.hpp"

namespace {

/// Bytes of the page for one picture, all sheets, the film.
constexpr auto share_of_picture = std::size_t{500'000};
constexpr auto share_of_sheets = std::size_t{1'800'000};
constexpr auto share_of_film = std::size_t{1'200'000};
constexpr auto most_sheets = std::size_t{40};

/// All sheets are in the page, side by side; the script turns them into one with a slider.
auto sheets_of(const Run& run, Album& album) -> std::string {
    const auto chosen = album.choose(run.sheets, share_of_sheets, most_sheets);
    auto html = std::string{};
    auto shown = std::size_t{0};
    for (const auto& sheet : chosen) {
        const auto image =
            album.embed(sheet, fmt::format("Samples after epoch {}", *sheet.number), share_of_sheets / chosen.size());
        if (image.empty()) { continue; }
        html += fmt::format(R"(<li data-epoch="{0}"><figure>{1}<figcaption>epoch {0}</figcaption></figure></li>)", *sheet.number,
                            image);
        ++shown;
    }
    if (html.empty()) { return {}; }
    const auto some =
        shown == run.sheets.size() ? std::string{} : fmt::format(" {} of {} sheets are in this page.", shown, run.sheets.size());
    return fmt::format(
        R"(<div class="card sheets{}" id="sheets"><h3>Over the training</h3><p>Chains from several kinds of starts: each row is one chain, its start on the left, later samples to the right.{}</p><ol class="frames">{}</ol></div>)",
        run.film || !run.samples ? " across" : "", some, html);
}

auto film_of(const Run& run, Album& album) -> std::string {
    const auto image = album.embed(*run.film, "A film of Gibbs chains that begin at training rows", share_of_film);
    if (image.empty()) { return {}; }
    return fmt::format(
        R"(<figure class="card picture film" id="film"><figcaption><h3>Chains as a film</h3><p>Gibbs chains that begin at training rows. A machine that mixes well leaves its start and visits all kinds of rows.</p></figcaption>{}</figure>)",
        image);
}

}  // namespace

auto picture_figure(Album& album, const Picture& picture, const std::string& title, const std::string& caption, std::size_t share)
    -> std::string {
    const auto image = album.embed(picture, title + (caption.empty() ? "" : ": " + caption), share);
    if (image.empty()) { return {}; }
    return fmt::format(R"(<figure class="card picture"><figcaption><h3>{}</h3>{}</figcaption>{}</figure>)", escape(title),
                       caption.empty() ? "" : "<p>" + escape(caption) + "</p>", image);
}

auto samples_section(const Run& run, Album& album) -> std::string {
    auto html = std::string{};
    if (run.samples) {
        html += picture_figure(album, *run.samples, "At the end",
                               "Probabilities of the visible units after long Gibbs chains from training rows.", share_of_picture);
    }
    if (run.film) { html += film_of(run, album); }
    if (!run.sheets.empty()) { html += sheets_of(run, album); }
    return html.empty() ? html : R"(<div class="gallery">)" + html + "</div>\n";
}

auto filters_section(const Run& run, Album& album) -> std::string {
    auto html = std::string{};
    for (std::size_t k = 0; k != run.filters.size(); ++k) {
        html += picture_figure(album, run.filters[k], fmt::format("Hidden layer {}", *run.filters[k].number),
                               run.filters[k].number == 1
                                   ? "Weights of hidden units to the data; middle grey is 0."
                                   : "What the units stand for, seen through the layers below; middle grey is 0.",
                               share_of_picture);
    }
    return html.empty() ? html : R"(<div class="gallery">)" + html + "</div>\n";
}
