import FlowFiles
import Flows

/// What `train` says at the end.
extension Train {
  /// Says which rows the flow has no density for, and so had no part in its training.
  func warn(_ report: TrainingReport) {
    for (name, missing, count) in [
      ("training", report.trainRowsWithoutDensity, report.trainRowsScored),
      ("validation", report.validationRowsWithoutDensity, report.validationRowsScored),
    ] where missing > 0 {
      let path = name == "validation" ? judged.data ?? data : data
      Console.warn(
        "\(path): \(missing) of \(count) \(name) rows have no finite density under this flow and are "
          + "not in the \(name) log-likelihood; look for values outside of its support, such as a "
          + "zero under a logarithm or a fill value")
    }
  }

  func summarize(_ report: TrainingReport) throws {
    if options.json {
      var members: [(String, JSONValue)] = [
        ("epochs", .integer(report.epochs)), ("best_epoch", .integer(report.bestEpoch)),
        ("train_log_likelihood", .number(report.trainLogLikelihood)),
        (
          "validation_log_likelihood", report.validationLogLikelihood.map { .number($0) } ?? .null
        ),
        ("train_rows", .integer(report.trainRows)),
        ("train_rows_without_density", .integer(report.trainRowsWithoutDensity)),
        ("validation_rows", .integer(report.validationRows)),
        ("validation_rows_without_density", .integer(report.validationRowsWithoutDensity)),
        ("rows_per_second", .number(report.rowsPerSecond)),
      ]
      if let loss = report.trainMatchingLoss {
        members += [
          ("train_matching_loss", .number(loss)),
          (
            "validation_matching_loss", report.validationMatchingLoss.map { .number($0) } ?? .null
          ),
          ("train_rows_scored", .integer(report.trainRowsScored)),
          ("validation_rows_scored", .integer(report.validationRowsScored)),
        ]
      }
      try options.summary(members, "")
      return
    }
    try Console.print("epochs                    \(report.epochs) (best \(report.bestEpoch))")
    if let loss = report.trainMatchingLoss {
      try Console.print("train matching loss       \(Format.loss(loss))")
    }
    if let loss = report.validationMatchingLoss {
      try Console.print("validation matching loss  \(Format.loss(loss))")
    }
    try Console.print(
      "train log-likelihood      \(Format.nats(report.trainLogLikelihood))"
        + part(report.trainRowsScored, of: report.trainRows)
        + rest(report.trainRowsWithoutDensity, of: report.trainRowsScored))
    if let held = report.validationLogLikelihood {
      try Console.print(
        "validation log-likelihood \(Format.nats(held))"
          + part(report.validationRowsScored, of: report.validationRows)
          + rest(report.validationRowsWithoutDensity, of: report.validationRowsScored))
    }
  }

  /// Why there is no model, or a poor one.
  func notBetter(_ report: TrainingReport) -> String {
    let held = report.validationLogLikelihood
    let name = held == nil ? "train" : "validation"
    let given = from ?? "the untrained flow"
    let start = "no epoch of \(report.epochs) was better than \(given), whose \(name) "
    guard let loss = report.validationMatchingLoss ?? report.trainMatchingLoss else {
      return start + "log-likelihood is " + Format.nats(held ?? report.trainLogLikelihood)
    }
    return start + "matching loss is " + Format.loss(loss)
  }

  /// The words about the rows that a mean is of; every objective but likelihood states them.
  private func part(_ scored: Int, of count: Int) -> String {
    objective == .likelihood ? "" : " (of \(scored) of \(count) rows)"
  }

  /// The words about the rows that are not in a mean.
  private func rest(_ missing: Int, of count: Int) -> String {
    missing > 0 ? " (without \(missing) of \(count) rows, which have no finite density)" : ""
  }
}
