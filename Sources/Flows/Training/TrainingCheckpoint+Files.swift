import FlowFiles
import FlowRuntime

extension TrainingCheckpoint {
  private static var jobPrefix: String { "job." }

  /// Writes the state as a safetensors file, whole or not at all.
  ///
  /// - Throws: `FileError`.
  public func save(to path: String) throws(FileError) {
    var file = SafetensorsFile(metadata: [
      "epoch": "\(epoch)", "steps": "\(steps)", "best_epoch": "\(bestEpoch)",
      "best_validation": "\(bestValidation)",
    ])
    for fact in job.facts { file.metadata[Self.jobPrefix + fact.name] = fact.value }
    for (name, values) in state.sorted(by: { $0.key < $1.key }) {
      file["state." + name] = StoredTensor(values, shape: [values.count])
    }
    for (name, values) in best.sorted(by: { $0.key < $1.key }) {
      file["best." + name] = StoredTensor(values, shape: [values.count])
    }
    try file.write(to: path)
  }

  /// Reads a state that `save` wrote.
  ///
  /// - Throws: `FileError` if the file is not such a state.
  public init(path: String) throws(FileError) {
    let file = try SafetensorsFile(path: path)
    func text(_ key: String) throws(FileError) -> String {
      guard let text = file.metadata[key] else {
        throw .malformed(path: path, offset: 8, reason: "its metadata has no '\(key)'")
      }
      return text
    }
    func integer(_ key: String, to limit: Int) throws(FileError) -> Int {
      let text = try text(key)
      do {
        return try Checked.integer(text, in: 0...limit)
      } catch {
        throw .malformed(path: path, offset: 8, reason: "\(key) in its metadata: \(error)")
      }
    }
    // Limits far above any real run, yet small enough that sums cannot overflow.
    epoch = try integer("epoch", to: 1 << 40)
    steps = try integer("steps", to: 1 << 60)
    bestEpoch = try integer("best_epoch", to: epoch)
    let validation = try text("best_validation")
    guard let number = Double(validation), !number.isNaN else {
      throw .malformed(
        path: path, offset: 8, reason: "best_validation in its metadata: found '\(validation)'")
    }
    bestValidation = number
    job = TrainingJob(
      facts: file.metadata.filter { $0.key.hasPrefix(Self.jobPrefix) }.sorted { $0.key < $1.key }
        .map { TrainingJob.Fact(String($0.key.dropFirst(Self.jobPrefix.count)), $0.value) })
    state = [:]
    best = [:]
    for name in file.names {
      guard let tensor = file[name] else { continue }
      if name.hasPrefix("state.") { state[String(name.dropFirst(6))] = tensor.floats }
      if name.hasPrefix("best.") { best[String(name.dropFirst(5))] = tensor.floats }
    }
  }
}
