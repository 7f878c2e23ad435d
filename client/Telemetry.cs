using System.Diagnostics;

namespace Delos.Client;

/// <summary>The source of the client's activities, "Delos.Client". Nothing is made unless somebody listens.</summary>
internal static class Telemetry
{
    public static readonly ActivitySource Source = new("Delos.Client");
}
