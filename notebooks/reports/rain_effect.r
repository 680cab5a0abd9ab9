# Databricks notebook source
# MAGIC %md
# MAGIC # What does a millimetre of rain cost?
# MAGIC
# MAGIC The same regression as in `models/demand_forecast`, read for its coefficients instead of its forecasts.

# COMMAND ----------

library(sparklyr)
library(dplyr)

sc <- spark_connect(method = "databricks")
days <- tbl(sc, "bikes.daily_demand") %>% arrange(day) %>% collect()

# COMMAND ----------

# DBTITLE 1,Rides lost per millimetre
fit <- glm(rides ~ weekend + temperature_c + rain_mm, family = poisson, data = days)
change <- 100 * (exp(coef(fit)[["rain_mm"]]) - 1)
cat(sprintf("One more millimetre of rain changes the rides of a day by %.0f %%.\n", change))

# COMMAND ----------

# MAGIC %md
# MAGIC Two weeks are too few for a firm answer: look at the interval before quoting the number.

# COMMAND ----------

confint.default(fit)["rain_mm", ]
