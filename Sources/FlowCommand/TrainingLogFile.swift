import FlowFiles
import Flows
import Foundation

/// The log that `train --log` writes: a line of JSON for each epoch, as soon as it ends.
///
/// It is not part of the command's outputs, which appear when all is done: a log is read while training
/// goes, and remains if it fails.
final class TrainingLogFile {
  private let path: String
  private let descriptor: Int32
  private var problem: FileError?

  /// Begins a log; of an earlier one the lines of the first `epochs` epochs are kept, which a resumed run
  /// does not repeat.
  ///
  /// - Throws: `FileError` if it can't be written, or is not a log.
  init(_ path: String, keeping epochs: Int) throws(FileError) {
    self.path = path
    var kept: [UInt8] = []
    if epochs > 0, FileManager.default.fileExists(atPath: path) {
      let earlier = try TrainingLog(path: path)
      kept = earlier.lines.filter { $0.epoch <= epochs }.flatMap { $0.text + [10] }
    }
    descriptor = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o666)
    guard descriptor >= 0 else { throw .system(path: path, action: "write", reason: Self.reason) }
    try write(kept)
  }

  deinit { close(descriptor) }

  /// Writes the line of an epoch that has ended; a failure is kept for `finish`.
  func add(_ progress: TrainingProgress) {
    guard let record = progress.finished, problem == nil else { return }
    var losses: [JSONValue.Member] = []
    if let loss = record.trainMatchingLoss {
      losses = [
        .init("train_matching_loss", Self.json(loss)),
        .init("validation_matching_loss", record.validationMatchingLoss.map(Self.json) ?? .null),
      ]
    }
    let line = JSONValue.object(
      [
        .init("epoch", .integer(record.epoch)),
        .init("train_log_likelihood", record.trainLogLikelihood.map(Self.json) ?? .null),
        .init("validation_log_likelihood", record.validationLogLikelihood.map(Self.json) ?? .null),
        .init("validation_rows_without_density", .integer(record.validationRowsWithoutDensity)),
        .init("learning_rate", .number(record.learningRate)), .init("best", .bool(record.isBest)),
        .init("rows_per_second", .number(progress.rowsPerSecond)),
        .init("seconds", .number(record.seconds)),
      ] + losses)
    do throws(FileError) {
      try write(Array((line.text + "\n").utf8))
    } catch {
      problem = error
    }
  }

  /// - Throws: what kept a line from being written.
  func finish() throws(FileError) {
    if let problem { throw problem }
  }

  /// A number, or null where JSON has none: no row had a density.
  private static func json(_ value: Double) -> JSONValue { value.isFinite ? .number(value) : .null }

  private static var reason: String { String(cString: strerror(errno)) }

  private func write(_ bytes: [UInt8]) throws(FileError) {
    var done = 0
    while done < bytes.count {
      let count = bytes[done...].withUnsafeBytes {
        Foundation.write(descriptor, $0.baseAddress, $0.count)
      }
      guard count > 0 else {
        if count < 0, errno == EINTR { continue }
        throw .system(path: path, action: "write", reason: Self.reason)
      }
      done += count
    }
  }
}
