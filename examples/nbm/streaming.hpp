#pragma once

#include <array>
#include <cstddef>
#include <optional>
#include <string>

#include "results.hpp"
#include "train_options.hpp"

import nbm;

/// Decides for --stream, unless it was given, when the values of a file would need more than half of the free memory, and says so.
auto choose_streaming(CLI::App& command, TrainOptions& options) -> void;

/// Of the rows that --stream reads, those in memory; tells on standard error when they are not all of them.
auto resident_rows(const TrainOptions& options) -> nbm::Dataset<Real>;

/// The rows of a training: all in memory or, with --stream, read from a file while it trains.
class TrainingRows {
public:
    explicit TrainingRows(const TrainOptions& options);

    /// The rows in memory: of a file that is read while it trains, a sample.
    auto data() const -> const nbm::Dataset<Real>& { return stream_ ? stream_->resident() : data_; }
    /// The number of training rows, in memory or not.
    auto count() const -> std::size_t { return stream_ ? stream_->rows() : data_.train.shape(0); }
    /// The rows of the training, validation and test split, in memory or not.
    auto sizes() const -> std::array<std::size_t, 3>;
    /// "5000 training, 1000 validation, 1000 test rows of 784 units", and what of them is in memory.
    auto describe() const -> std::string;

    /// What --redraw draws the training rows from; null without.
    auto redraw() const -> const nbm::Matrix<Real>* { return grey_.shape(0) == 0 ? nullptr : &grey_; }

    auto initialise(nbm::DBM<Real>& dbm, const nbm::InitialiseOptions& options) const -> void;

    /// nbm::fit() with these rows.
    template <class TrainerType, class OptimiserType, class List>
    auto fit(nbm::DBM<Real>& dbm, TrainerType& trainer, OptimiserType& optimiser, const nbm::FitOptions<Real>& options,
             List& callbacks) const -> nbm::History {
        if (!stream_) { return nbm::fit(dbm, data_.train, trainer, optimiser, options, callbacks); }
        try {
            return nbm::fit(dbm, *stream_, trainer, optimiser, options, callbacks);
        } catch (const nbm::CallbackError&) { throw; } catch (const nbm::Error& error) {
            throw nbm::InputError(error.what() + advice(error.what()));
        }
    }

private:
    /// How to go on after rows could not be read; empty when something else went wrong.
    auto advice(const std::string& problem) const -> std::string;

    std::string output_;
    nbm::Dataset<Real> data_;
    nbm::Matrix<Real> grey_ = nbm::zero_matrix<Real>(0, 0);
    std::optional<nbm::StreamedDataset<Real>> stream_;
};
