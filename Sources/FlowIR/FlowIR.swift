// FlowIR
