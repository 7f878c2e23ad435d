namespace Delos.Daemon.Configuration;

/// <summary>How the text of a configuration value is read.</summary>
internal enum ConfigKind
{
    Text,
    Path,
    Integer,

    /// <summary>Bytes, with an optional unit: 512, 64KiB, 1MiB, 2GiB.</summary>
    Size,

    /// <summary>A number with a unit: 250us, 100ms, 2s, 5m.</summary>
    Duration,

    Boolean,

    /// <summary>host:port, IPv6 addresses in brackets.</summary>
    Address,

    /// <summary>host:port, separated by commas.</summary>
    AddressList,

    /// <summary>A GUID; empty if not given.</summary>
    Guid,

    /// <summary>One of the key's choices.</summary>
    Choice,
}
