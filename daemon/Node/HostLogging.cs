using Delos.Daemon.Configuration;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Console;

namespace Delos.Daemon.Node;

/// <summary>Makes the daemon's loggers: to standard error, as the configuration says; standard output is for results.</summary>
internal static class HostLogging
{
    public static ILoggerFactory Create(Settings settings)
    {
        var level = Enum.Parse<LogLevel>(settings.Text(ConfigKeys.LoggingLevel), ignoreCase: true);
        var format = settings.Text(ConfigKeys.LoggingFormat);
        return LoggerFactory.Create(builder =>
        {
            builder.SetMinimumLevel(level);
            switch (format)
            {
                case "systemd":
                    builder.AddSystemdConsole();
                    break;
                case "json":
                    builder.AddJsonConsole(options => options.UseUtcTimestamp = true);
                    break;
                default:
                    builder.AddSimpleConsole(options =>
                    {
                        options.SingleLine = true;
                        options.TimestampFormat = "HH:mm:ss.fff ";
                        options.ColorBehavior = LoggerColorBehavior.Default;
                    });
                    break;
            }

            builder.AddConsole(options => options.LogToStandardErrorThreshold = LogLevel.Trace);
        });
    }
}
