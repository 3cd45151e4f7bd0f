import Flows
import Foundation

/// Five short lessons, each a program that trains something and writes the arrays of its picture.
@main
struct Tutorials {
  static var lessons: [(name: String, run: (Lesson) throws -> Void)] {
    [
      ("basics", basics), ("forward-kl", forwardKL), ("reverse-kl", reverseKL), ("vae", vae),
      ("bayesian", bayesian),
    ]
  }

  static func main() throws {
    let arguments = CommandLine.arguments.dropFirst()
    let chosen = lessons.first { $0.name == arguments.first }
    guard let chosen, arguments.count == 2 || arguments.count == 3 else {
      print("usage: Tutorials \(lessons.map(\.name).joined(separator: "|")) FOLDER [STEPS]")
      exit(2)
    }
    let folder = arguments[arguments.startIndex + 1]
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    let steps = arguments.count == 3 ? Int(arguments[arguments.startIndex + 2]) : nil
    try chosen.run(Lesson(folder: folder, steps: steps))
  }
}

/// Where a lesson writes, and what lessons share.
struct Lesson {
  let folder: String
  /// How many training steps to make instead of the lesson's own number.
  let steps: Int?

  /// Writes rows of `columns` numbers as NAME.npy.
  func write(_ name: String, _ values: [Float], columns: Int) throws {
    try Rows(values, columns: columns).write(to: "\(folder)/\(name).npy")
  }

  /// Makes training steps on batches; prints the mean loss of each fifth.
  func train(
    _ trainer: Trainer, steps own: Int, rows: Int, learningRate: Double,
    batch: () -> [String: [Float]]
  ) throws {
    let count = steps ?? own
    var sum = 0.0
    for step in 1...count {
      // A cosine from the first rate to nothing.
      let rate = learningRate * 0.5 * (1 + cos(Double.pi * Double(step) / Double(count)))
      sum += Double(try trainer.step(batch(), rows: rows, learningRate: rate))
      if step % max(count / 5, 1) == 0 {
        print(String(format: "step %5d  loss %8.4f", step, sum / Double(max(count / 5, 1))))
        sum = 0
      }
    }
  }

  /// The points of a square grid, row by row from the bottom, with `side` points a side.
  static func grid(from low: Double, to high: Double, side: Int) -> [Float] {
    (0..<side * side).flatMap { index in
      [index % side, index / side].map {
        Float(low + (high - low) * (Double($0) + 0.5) / Double(side))
      }
    }
  }
}

extension SeededGenerator {
  /// A point of two half circles that reach into each other, with some noise, and its half: 0 or 1.
  mutating func moons(noise: Double = 0.05) -> (point: [Float], label: Float) {
    let isLower = uniform() < 0.5
    let angle = Double.pi * uniform()
    let x = isLower ? 1 - cos(angle) : cos(angle)
    let y = isLower ? 0.5 - sin(angle) : sin(angle)
    return ([Float(x + noise * normal()), Float(y + noise * normal())], isLower ? 1 : 0)
  }
}
