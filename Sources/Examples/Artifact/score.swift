// Scores rows with a compiled flow, from four threads at once.
//
//   flowir compile model.safetensors --output libmodel.so
//   swiftc -import-objc-header model.h score.swift -L. -lmodel -Xlinker -rpath -Xlinker . && ./score

import Dispatch

struct FlowError: Error {
  /// What went wrong in the last call of this thread.
  let message = String(cString: flowir_last_error())
}

func sample(_ rows: Int, context: [Float]) throws -> (x: [Float], logProb: [Float]) {
  let features = Int(FLOWIR_FEATURES)
  var x = [Float](repeating: 0, count: rows * features)
  var logProb = [Float](repeating: 0, count: rows)
  guard flowir_sample(1, 0, context, Int64(rows), context.isEmpty ? 0 : 1, &x, &logProb) == 0 else {
    throw FlowError()
  }
  return (x, logProb)
}

func score(_ x: ArraySlice<Float>, context: [Float]) throws -> [Float] {
  let rows = x.count / Int(FLOWIR_FEATURES)
  var logProb = [Float](repeating: 0, count: rows)
  let status = x.withUnsafeBufferPointer {
    flowir_log_prob($0.baseAddress, context, Int64(rows), context.isEmpty ? 0 : 1, &logProb)
  }
  guard status == 0 else { throw FlowError() }
  return logProb
}

let rows = 4000
let context = [Float](repeating: 0.5, count: Int(FLOWIR_CONTEXT))
let x = try sample(rows, context: context).x
let whole = try score(x[...], context: context)

// Calls from several threads may overlap; a row's density is the same bits in every call.
let size = x.count / 4
let parts = UnsafeMutableBufferPointer<[Float]?>.allocate(capacity: 4)
parts.initialize(repeating: nil)
nonisolated(unsafe) let results = parts
DispatchQueue.concurrentPerform(iterations: 4) { part in
  for _ in 0..<20 {
    results[part] = try? score(x[part * size..<(part + 1) * size], context: context)
  }
}
let joined = parts.flatMap { $0 ?? [] }
parts.deallocate()

print("mean log-density \(whole.reduce(0, +) / Float(rows))")
print("from four threads at once: \(joined == whole ? "the same" : "different")")
