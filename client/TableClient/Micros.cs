namespace Delos.Client.Tables;

/// <summary>Times as tables keep them.</summary>
internal static class Micros
{
    /// <param name="micros">Microseconds since 1970-01-01 00:00 UTC; what no <see cref="DateTimeOffset"/> can say becomes the nearest that it can.</param>
    public static DateTimeOffset ToTime(long micros)
    {
        var (least, most) = ((DateTimeOffset.MinValue - DateTimeOffset.UnixEpoch).Ticks / TimeSpan.TicksPerMicrosecond, (DateTimeOffset.MaxValue - DateTimeOffset.UnixEpoch).Ticks / TimeSpan.TicksPerMicrosecond);
        return DateTimeOffset.UnixEpoch.AddTicks(Math.Clamp(micros, least, most) * TimeSpan.TicksPerMicrosecond);
    }
}
