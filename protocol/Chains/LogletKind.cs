namespace Delos.Protocol.Chains;

/// <summary>Which Loglet implementation a config is for. Persisted in the chain: values never change.</summary>
public enum LogletKind : byte
{
    /// <summary>NativeLoglet: one sequencer, 2f+1 LogServers.</summary>
    Native = 1,

    /// <summary>StripedLoglet: round robin over the configs in <see cref="LogletConfig.Stripes"/>.</summary>
    Striped = 2,

    /// <summary>A Loglet inside one process, for tests.</summary>
    Memory = 3,
}
