using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using System.Net;

namespace Delos.Daemon.Configuration;

/// <summary>A host name or address and a TCP port.</summary>
internal sealed record HostPort(string Host, int Port)
{
    /// <summary>Host without brackets; the port must be given.</summary>
    public static bool TryParse(string text, [NotNullWhen(true)] out HostPort? value)
    {
        value = null;
        string host;
        ReadOnlySpan<char> rest;
        if (text.StartsWith('['))
        {
            var end = text.IndexOf(']', StringComparison.Ordinal);
            if (end < 0 || !IPAddress.TryParse(text.AsSpan(1, end - 1), out _)) return false;
            host = text[1..end];
            rest = text.AsSpan(end + 1);
        }
        else
        {
            var colon = text.IndexOf(':', StringComparison.Ordinal);
            if (colon < 0) return false;
            host = text[..colon];
            rest = text.AsSpan(colon);
        }

        if (host.Length == 0 || host.AsSpan().IndexOfAny("[]/,=") >= 0 || host.Any(c => char.IsWhiteSpace(c) || char.IsControl(c)) || rest.Length < 2 || rest[0] != ':') return false;
        if (!ushort.TryParse(rest[1..], NumberStyles.None, CultureInfo.InvariantCulture, out var port)) return false;
        value = new HostPort(host, port);
        return true;
    }

    /// <summary>0.0.0.0 or [::]: good to listen on, not to dial.</summary>
    public bool IsWildcard => IPAddress.TryParse(Host, out var address) && (address.Equals(IPAddress.Any) || address.Equals(IPAddress.IPv6Any));

    public override string ToString() => Host.Contains(':', StringComparison.Ordinal) ? $"[{Host}]:{Port}" : $"{Host}:{Port}";
}
